from datetime import datetime, timedelta
from typing import Any

import pytest
from samples import NOW, live_version, request, template, user

from api_gateway.domain.admission import (
    Admitted,
    Decision,
    Deferred,
    Plan,
    Recipient,
    Rejected,
    Suppressed,
    decide_admission,
)
from contracts.category import BUILT_IN
from contracts.error_codes import ErrorCode
from contracts.notification import (
    REQUIRED_CATEGORIES,
    AmbiguousPolicy,
    DeviceKind,
    NotificationType,
)
from contracts.preferences import ChannelPreferences
from contracts.suppression import SuppressionReason
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import DeviceAddress, UserSnapshot

EMAIL, PUSH = NotificationType.EMAIL, NotificationType.PUSH
EN_PLAN = Plan(3, "en", "onboarding", AmbiguousPolicy.RESEND, 4)


def devices(*tokens: str) -> tuple[DeviceAddress, ...]:
    return tuple(DeviceAddress(kind=DeviceKind.FCM, token=token) for token in tokens)


def to(*tokens: str) -> tuple[Recipient, ...]:
    return tuple(Recipient(token, DeviceKind.FCM) for token in tokens)


@pytest.mark.parametrize(
    ("recipient", "channel", "expected"),
    [
        (user(), EMAIL, Admitted(EN_PLAN, (Recipient("john@example.com"),))),
        (user(), PUSH, Admitted(EN_PLAN, to("token-1"))),
        (user(devices=devices("a", "b")), PUSH, Admitted(EN_PLAN, to("a", "b"))),
        (user(devices=devices("a", "b", "a")), PUSH, Admitted(EN_PLAN, to("a", "b"))),
        (user(devices=devices("", "b")), PUSH, Admitted(EN_PLAN, to("b"))),
        (user(devices=devices("")), PUSH, Suppressed(EN_PLAN, ErrorCode.NO_ADDRESS)),
        (user(devices=()), PUSH, Suppressed(EN_PLAN, ErrorCode.NO_ADDRESS)),
        (user(email=None), EMAIL, Suppressed(EN_PLAN, ErrorCode.NO_ADDRESS)),
        (user(email=""), EMAIL, Suppressed(EN_PLAN, ErrorCode.NO_ADDRESS)),
        (user(email=None), PUSH, Admitted(EN_PLAN, to("token-1"))),
        (user(is_active=False), EMAIL, Suppressed(EN_PLAN, ErrorCode.USER_INACTIVE)),
        (
            user(preferences=ChannelPreferences(email=False)),
            EMAIL,
            Suppressed(EN_PLAN, ErrorCode.NOTIFICATION_PREFERENCE_DISABLED),
        ),
        (user(preferences=ChannelPreferences(email=False)), PUSH, Admitted(EN_PLAN, to("token-1"))),
        (
            user(preferences=ChannelPreferences(push=False)),
            PUSH,
            Suppressed(EN_PLAN, ErrorCode.NOTIFICATION_PREFERENCE_DISABLED),
        ),
        (
            user(is_active=False, email=None, preferences=ChannelPreferences(email=False)),
            EMAIL,
            Suppressed(EN_PLAN, ErrorCode.USER_INACTIVE),
        ),
    ],
)
def test_the_recipients_state_decides_whether_it_is_sent_and_where_to(
    recipient: UserSnapshot, channel: NotificationType, expected: Decision
) -> None:
    assert (
        decide_admission(recipient, template(), request(notification_type=channel), NOW, BUILT_IN)
        == expected
    )


@pytest.mark.parametrize("reason", SuppressionReason)
def test_nothing_is_sent_to_a_suppressed_address_and_pushes_still_are(
    reason: SuppressionReason,
) -> None:
    recipient = user(email_suppressed=reason)
    email = decide_admission(recipient, template(), request(notification_type=EMAIL), NOW, BUILT_IN)
    push = decide_admission(recipient, template(), request(notification_type=PUSH), NOW, BUILT_IN)
    assert email == Suppressed(EN_PLAN, ErrorCode.ADDRESS_SUPPRESSED)
    assert push == Admitted(EN_PLAN, to("token-1"))


@pytest.mark.parametrize("category", sorted(REQUIRED_CATEGORIES))
@pytest.mark.parametrize(
    ("reason", "is_sent"),
    [
        (SuppressionReason.COMPLAINT, True),
        (SuppressionReason.HARD_BOUNCE, False),
        (SuppressionReason.MANUAL, False),
    ],
)
def test_only_a_complaint_leaves_what_a_user_cannot_do_without(
    category: str, reason: SuppressionReason, is_sent: bool
) -> None:
    decision = decide_admission(
        user(email_suppressed=reason),
        template(category=category),
        request(notification_type=EMAIL),
        NOW,
        BUILT_IN,
    )
    assert isinstance(decision, Admitted if is_sent else Suppressed)


@pytest.mark.parametrize(
    ("recipient", "told"),
    [
        (user(is_active=False), ErrorCode.USER_INACTIVE),
        (
            user(preferences=ChannelPreferences(email=False)),
            ErrorCode.NOTIFICATION_PREFERENCE_DISABLED,
        ),
        (user(email=None), ErrorCode.ADDRESS_SUPPRESSED),
    ],
)
def test_the_users_own_wishes_are_told_before_a_suppression_and_that_before_a_missing_address(
    recipient: UserSnapshot, told: ErrorCode
) -> None:
    suppressed = recipient.model_copy(update={"email_suppressed": SuppressionReason.HARD_BOUNCE})
    decision = decide_admission(
        suppressed, template(), request(notification_type=EMAIL), NOW, BUILT_IN
    )
    assert decision == Suppressed(EN_PLAN, told)


@pytest.mark.parametrize(
    ("recipient", "found", "code", "is_missing"),
    [
        (None, template(), ErrorCode.USER_NOT_FOUND, True),
        (None, None, ErrorCode.USER_NOT_FOUND, True),
        (user(), None, ErrorCode.TEMPLATE_NOT_FOUND, True),
        (user(), template(is_active=False), ErrorCode.TEMPLATE_NOT_FOUND, True),
        (user(), template(languages={}), ErrorCode.TEMPLATE_CHANNEL_MISSING, False),
        (
            user(),
            template(languages={"en": live_version(1, PUSH)}),
            ErrorCode.TEMPLATE_CHANNEL_MISSING,
            False,
        ),
    ],
)
def test_what_the_caller_can_correct_is_rejected(
    recipient: UserSnapshot | None,
    found: TemplateSnapshot | None,
    code: ErrorCode,
    is_missing: bool,
) -> None:
    decision = decide_admission(recipient, found, request(), NOW, BUILT_IN)
    assert isinstance(decision, Rejected)
    assert (decision.code, decision.is_missing) == (code, is_missing)
    assert decision.message.endswith(".")


def test_names_every_missing_variable_and_no_optional_one() -> None:
    found = template(
        languages={"en": live_version(1, required=("name", "link", "code"), optional=("title",))}
    )
    decision = decide_admission(
        user(), found, request(variables={"link": None, "extra": 1}), NOW, BUILT_IN
    )
    assert isinstance(decision, Rejected)
    assert decision.code is ErrorCode.MISSING_VARIABLES
    # A null is no value.
    assert [detail.field for detail in decision.details] == [
        *("variables.name", "variables.link", "variables.code")
    ]
    assert not decision.is_missing


def test_a_callers_mistake_is_told_even_where_nothing_would_be_sent() -> None:
    found = template(languages={"en": live_version(1, required=("name",))})
    assert isinstance(
        decide_admission(user(is_active=False), found, request(), NOW, BUILT_IN), Rejected
    )


@pytest.mark.parametrize(
    ("asked", "users", "expected"),
    [
        ("fr", "de", "fr"),
        ("fr-CA", "de", "fr"),
        (None, "de", "de"),
        ("xx", "de", "de"),
        ("xx", "yy", "en"),
        (None, "pt-BR", "pt-BR"),
        ("PT-br", "de", "pt-BR"),
        ("FR", "de", "fr"),
    ],
)
def test_takes_the_callers_language_then_the_users_then_the_templates(
    asked: str | None, users: str, expected: str
) -> None:
    found = template(
        languages={tag: live_version(n) for n, tag in enumerate(("en", "fr", "de", "pt-BR"), 1)}
    )
    decision = decide_admission(user(language=users), found, request(language=asked), NOW, BUILT_IN)
    assert isinstance(decision, Admitted)
    assert decision.plan.language == expected
    assert decision.plan.template_version == found.languages[expected].version


def test_passes_over_a_language_that_has_nothing_for_the_channel() -> None:
    found = template(languages={"en": live_version(1), "fr": live_version(2, EMAIL)})
    push = decide_admission(
        user(language="fr"), found, request(notification_type=PUSH), NOW, BUILT_IN
    )
    email = decide_admission(
        user(language="fr"), found, request(notification_type=EMAIL), NOW, BUILT_IN
    )
    assert isinstance(push, Admitted)
    assert isinstance(email, Admitted)
    assert (push.plan.language, email.plan.language) == ("en", "fr")


@pytest.mark.parametrize(
    ("asked", "category", "expected"),
    [
        (None, "onboarding", 4),
        (None, "email_verification", 8),
        (None, "password_reset", 8),
        (None, "security_alert", 8),
        (0, "security_alert", 0),
        (10, "onboarding", 10),
    ],
)
def test_the_callers_priority_wins_over_the_categorys(
    asked: int | None, category: str, expected: int
) -> None:
    decision = decide_admission(
        user(), template(category=category), request(priority=asked), NOW, BUILT_IN
    )
    assert isinstance(decision, Admitted)
    assert decision.plan.priority == expected


def test_the_templates_policy_for_ambiguous_answers_is_carried_along() -> None:
    changes: dict[str, Any] = {"ambiguous": AmbiguousPolicy.HOLD}
    decision = decide_admission(user(), template(**changes), request(), NOW, BUILT_IN)
    assert isinstance(decision, Admitted)
    assert decision.plan.ambiguous is AmbiguousPolicy.HOLD


def test_what_is_for_later_waits_whatever_the_recipient_wants_now() -> None:
    later = NOW + timedelta(days=30)
    unwilling = user(preferences=ChannelPreferences(email=False), is_active=False, email=None)
    decision = decide_admission(unwilling, template(), request(scheduled_at=later), NOW, BUILT_IN)
    assert isinstance(decision, Deferred)
    assert decision.until == later


def test_what_was_for_earlier_is_for_now() -> None:
    earlier = request(scheduled_at=NOW, expires_at=NOW + timedelta(seconds=1))
    assert isinstance(decide_admission(user(), template(), earlier, NOW, BUILT_IN), Admitted)


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"scheduled_at": NOW + timedelta(days=30, seconds=1)}, "scheduled_at"),
        (
            {"scheduled_at": NOW + timedelta(hours=1), "expires_at": NOW + timedelta(hours=1)},
            "scheduled_at",
        ),
        ({"expires_at": NOW}, "expires_at"),
        ({"scheduled_at": NOW + timedelta(hours=1), "expires_at": NOW}, "expires_at"),
    ],
    ids=["too far ahead", "expired before it is sent", "expired", "expired, and for later"],
)
def test_a_time_that_cannot_be_kept_is_refused(times: dict[str, datetime], field: str) -> None:
    decision = decide_admission(user(), template(), request(**times), NOW, BUILT_IN)
    assert isinstance(decision, Rejected)
    assert decision.code is ErrorCode.VALIDATION_FAILED
    assert [detail.field for detail in decision.details] == [field]


def test_what_is_for_later_and_wrong_is_refused_now() -> None:
    later = request(scheduled_at=NOW + timedelta(hours=1))
    assert isinstance(decide_admission(None, template(), later, NOW, BUILT_IN), Rejected)

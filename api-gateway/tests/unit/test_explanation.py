from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import NOW, live_version, request, template, user

from api_gateway.domain.admission import (
    Admitted,
    Deferred,
    Recipient,
    Rejected,
    Suppressed,
    decide_admission,
)
from api_gateway.domain.chosen_content import LanguageSource
from api_gateway.domain.explanation import explain_admission, reasons_of
from api_gateway.domain.request import NotificationRequest
from contracts.category import BUILT_IN
from contracts.error_codes import ErrorCode
from contracts.notification import DeviceKind, NotificationStatus, NotificationType
from contracts.preferences import ChannelChoice, ChannelPreferences, QuietHours
from contracts.suppression import SuppressionReason
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import DeviceAddress, UserSnapshot

EMAIL, PUSH = NotificationType.EMAIL, NotificationType.PUSH
BOUNCED = SuppressionReason.HARD_BOUNCE
COMPLAINED = SuppressionReason.COMPLAINT
NO_MAIL = ChannelPreferences(email=False)
NAMED = {"en": live_version(1, EMAIL, required=("name", "link"))}
PASSED = NOW - timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_tells_everything_that_would_be_decided() -> None:
    explained = explain_admission(
        user(language="de-AT"),
        template(
            category="password_reset", languages={"en": live_version(3), "de": live_version(5)}
        ),
        request(notification_type=PUSH),
        NOW,
        BUILT_IN,
    )
    assert explained.would_send
    assert explained.outcome is NotificationStatus.PENDING
    assert explained.content is not None
    assert (explained.content.language, explained.content.live.version) == ("de", 5)
    assert explained.content.language_from is LanguageSource.USER
    assert (explained.category, explained.priority) == ("password_reset", 8)
    assert explained.lane == "push.priority.queue"
    assert explained.recipients == (Recipient("token-1", DeviceKind.FCM),)
    assert explained.until is None


@pytest.mark.parametrize(
    ("asked", "users", "language", "source"),
    [
        ("fr-CA", "de", "fr", LanguageSource.REQUESTED),
        ("it", "de", "de", LanguageSource.USER),
        (None, "de", "de", LanguageSource.USER),
        ("en", "de", "en", LanguageSource.REQUESTED),
        ("it", "es", "en", LanguageSource.TEMPLATE),
    ],
)
def test_says_whose_language_it_is(
    asked: str | None, users: str, language: str, source: LanguageSource
) -> None:
    found = template(languages={tag: live_version(1) for tag in ("en", "fr", "de")})
    explained = explain_admission(
        user(language=users), found, request(language=asked), NOW, BUILT_IN
    )
    assert explained.content is not None
    assert (explained.content.language, explained.content.language_from) == (language, source)


@pytest.mark.parametrize(
    ("recipient", "found", "changes", "outcome", "codes"),
    [
        (None, None, {}, "user_not_found", ["user_not_found", "template_not_found"]),
        (user(), None, {}, "template_not_found", ["template_not_found"]),
        (
            None,
            template(is_active=False, languages=NAMED),
            {"variables": {"name": None}, "scheduled_at": NOW + timedelta(days=31)},
            "user_not_found",
            [
                "user_not_found",
                "template_not_found",
                "missing_variables variables.name",
                "missing_variables variables.link",
                "validation_failed scheduled_at",
            ],
        ),
        (
            user(is_active=False, email=None, email_suppressed=BOUNCED, preferences=NO_MAIL),
            template(languages=NAMED),
            {},
            "missing_variables",
            [
                "missing_variables variables.name",
                "missing_variables variables.link",
                "user_inactive",
                "notification_preference_disabled",
                "address_suppressed",
                "no_address",
            ],
        ),
        (
            user(is_active=False, email=None, preferences=NO_MAIL),
            template(),
            {},
            "suppressed",
            ["user_inactive", "notification_preference_disabled", "no_address"],
        ),
        (
            user(devices=()),
            template(languages=NAMED),
            {"notification_type": PUSH},
            "template_channel_missing",
            ["template_channel_missing", "no_address"],
        ),
        (
            user(),
            template(),
            {"scheduled_at": NOW + timedelta(days=31), "expires_at": NOW + HOUR},
            "validation_failed",
            ["validation_failed scheduled_at", "validation_failed scheduled_at"],
        ),
        (
            user(preferences=NO_MAIL),
            template(),
            {"scheduled_at": NOW + HOUR},
            "scheduled",
            ["notification_preference_disabled"],
        ),
        (user(), template(), {"scheduled_at": NOW + HOUR}, "scheduled", []),
        (
            user(preferences=NO_MAIL),
            template(),
            {"expires_at": PASSED},
            "validation_failed",
            ["validation_failed expires_at", "notification_preference_disabled"],
        ),
        (user(), template(), {"expires_at": NOW + HOUR}, "pending", []),
        # Without the template its category is not known; a dead mailbox is dead to all of them.
        (
            user(email_suppressed=BOUNCED),
            None,
            {},
            "template_not_found",
            ["template_not_found", "address_suppressed"],
        ),
        (user(email_suppressed=COMPLAINED), None, {}, "template_not_found", ["template_not_found"]),
        (user(email_suppressed=COMPLAINED), template(), {}, "suppressed", ["address_suppressed"]),
    ],
)
def test_tells_every_reason_in_the_order_in_which_they_count(
    recipient: UserSnapshot | None,
    found: TemplateSnapshot | None,
    changes: dict[str, Any],
    outcome: str,
    codes: list[str],
) -> None:
    explained = explain_admission(recipient, found, request(**changes), NOW, BUILT_IN)
    assert [_told(reason.code, reason.field) for reason in explained.all_reasons] == codes
    assert explained.outcome == outcome
    assert explained.would_send is (codes == [])
    assert all(reason.message.endswith(".") for reason in explained.all_reasons)


def _told(code: ErrorCode, field: str | None) -> str:
    named = code in {ErrorCode.MISSING_VARIABLES, ErrorCode.VALIDATION_FAILED}
    return f"{code} {field}" if named else code.value


@pytest.mark.parametrize(
    ("asked", "priority", "lane"), [(None, None, None), (5, 5, "email.priority.queue")]
)
def test_of_an_unknown_template_only_what_was_asked_for_is_known(
    asked: int | None, priority: int | None, lane: str | None
) -> None:
    explained = explain_admission(user(), None, request(priority=asked), NOW, BUILT_IN)
    assert (explained.content, explained.category) == (None, None)
    assert (explained.priority, explained.lane) == (priority, lane)
    assert explained.recipients == (Recipient("john@example.com"),)


def test_names_the_field_of_what_is_not_there() -> None:
    nothing = explain_admission(None, None, request(), NOW, BUILT_IN)
    no_push = explain_admission(
        user(), template(languages=NAMED), request(notification_type=PUSH), NOW, BUILT_IN
    )
    fields = [reason.field for reason in (*nothing.reasons, *no_push.reasons)]
    assert fields == ["user_id", "template_code", "notification_type"]


QUIET = QuietHours.model_validate({"start": "11:00", "end": "13:00"})
LANGUAGES = st.sampled_from(["en", "de", "de-AT", "fr"])
TIMES = st.one_of(
    st.none(),
    st.sampled_from(
        [PASSED, NOW, NOW + HOUR, NOW + timedelta(days=30), NOW + timedelta(days=30, seconds=1)]
    ),
)
NAMES = st.lists(st.sampled_from(["name", "link", "code"]), unique=True, max_size=3)
USERS = st.none() | st.builds(
    user,
    is_active=st.booleans(),
    email=st.sampled_from(["john@example.com", "", None]),
    language=LANGUAGES,
    preferences=st.builds(ChannelPreferences, email=st.booleans(), push=st.booleans()),
    devices=st.lists(
        st.builds(
            DeviceAddress, kind=st.just(DeviceKind.FCM), token=st.sampled_from(["", "a", "b"])
        ),
        max_size=3,
    ).map(tuple),
    categories=st.dictionaries(
        st.sampled_from(["onboarding", "password_reset", "marketing"]),
        st.builds(ChannelChoice, email=st.sampled_from([None, True, False]), push=st.booleans()),
    ),
    quiet_hours=st.sampled_from([None, QUIET]),
    email_suppressed=st.none() | st.sampled_from(SuppressionReason),
)
LIVE = st.builds(
    lambda version, channels, required: live_version(version, *channels, required=tuple(required)),
    st.integers(1, 9),
    st.lists(st.sampled_from(NotificationType), unique=True, max_size=2),
    NAMES,
)
TEMPLATES = st.none() | st.builds(
    template,
    code=st.just("welcome"),
    is_active=st.booleans(),
    category=st.sampled_from(["onboarding", "password_reset"]),
    default_language=LANGUAGES,
    languages=st.dictionaries(LANGUAGES, LIVE, max_size=3),
)
REQUESTS = st.builds(
    request,
    notification_type=st.sampled_from(NotificationType),
    variables=st.dictionaries(
        st.sampled_from(["name", "link", "code"]), st.sampled_from([None, "", 0, "x"])
    ),
    language=st.none() | LANGUAGES,
    priority=st.none() | st.integers(0, 10),
    scheduled_at=TIMES,
    expires_at=TIMES,
)


@settings(max_examples=1_000, deadline=None)
@given(USERS, TEMPLATES, REQUESTS)
def test_the_decision_is_the_first_reason_whatever_is_asked_for(
    recipient: UserSnapshot | None, found: TemplateSnapshot | None, asked: NotificationRequest
) -> None:
    decision = decide_admission(recipient, found, asked, NOW, BUILT_IN)
    explained = explain_admission(recipient, found, asked, NOW, BUILT_IN)
    assert explained.decision == decision
    match decision:
        case Rejected():
            told = tuple(reasons_of(decision))
            assert explained.reasons[: len(told)] == told
            assert explained.outcome is decision.code
        case Suppressed():
            assert explained.reasons[0].code is decision.reason
            assert explained.outcome is NotificationStatus.SUPPRESSED
        case Admitted():
            assert explained.recipients == decision.recipients
            assert explained.outcome is NotificationStatus.PENDING
        case Deferred():
            assert explained.until == decision.until
            assert explained.outcome is NotificationStatus.SCHEDULED
            at_its_time = decide_admission(recipient, found, asked, decision.until, BUILT_IN)
            assert (explained.reasons == ()) is isinstance(at_its_time, Admitted)
    assert (explained.reasons == ()) is (
        isinstance(decision, Admitted) or (isinstance(decision, Deferred) and explained.would_send)
    )
    if not isinstance(decision, Rejected):
        assert explained.content is not None
        assert explained.content.language == decision.plan.language
        assert explained.content.live.version == decision.plan.template_version
        assert explained.category == decision.plan.category
        assert explained.priority == decision.plan.priority

"""The decision whether a user wants a category on a channel, as one table."""

import pytest
from samples import NOW, request, template, user

from api_gateway.domain.admission import Admitted, Suppressed, decide_admission
from api_gateway.domain.consent import objection
from contracts.category import Category, CategoryCatalogue, CategoryDefault
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationType
from contracts.preferences import ChannelChoice, ChannelPreferences

EMAIL, PUSH = NotificationType.EMAIL, NotificationType.PUSH
CATALOGUE = CategoryCatalogue(
    version=1,
    categories=tuple(
        Category(code=f"is_{default}", name=default, default=default) for default in CategoryDefault
    ),
)
CHANNEL_OFF, OPTED_OUT = (
    ErrorCode.NOTIFICATION_PREFERENCE_DISABLED,
    ErrorCode.CATEGORY_OPTED_OUT,
)


@pytest.mark.parametrize(
    ("category", "wants_mail", "chosen", "expected"),
    [
        ("is_opted_in", True, None, None),
        ("is_opted_in", True, True, None),
        ("is_opted_in", True, False, OPTED_OUT),
        ("is_opted_in", False, None, CHANNEL_OFF),
        ("is_opted_in", False, True, CHANNEL_OFF),
        ("is_opted_in", False, False, CHANNEL_OFF),
        ("is_opted_out", True, None, OPTED_OUT),
        ("is_opted_out", True, True, None),
        ("is_opted_out", True, False, OPTED_OUT),
        ("is_opted_out", False, None, CHANNEL_OFF),
        ("is_opted_out", False, True, CHANNEL_OFF),
        ("is_opted_out", False, False, CHANNEL_OFF),
        ("is_required", True, None, None),
        ("is_required", True, True, None),
        ("is_required", True, False, None),
        ("is_required", False, None, None),
        ("is_required", False, True, None),
        ("is_required", False, False, None),
        ("unheard_of", True, None, None),
        ("unheard_of", True, True, None),
        ("unheard_of", True, False, OPTED_OUT),
        ("unheard_of", False, None, CHANNEL_OFF),
        ("unheard_of", False, True, CHANNEL_OFF),
        ("unheard_of", False, False, CHANNEL_OFF),
    ],
)
@pytest.mark.parametrize("channel", [EMAIL, PUSH])
def test_the_channel_and_the_choice_and_the_default_decide(
    channel: NotificationType,
    category: str,
    wants_mail: bool,
    chosen: bool | None,
    expected: ErrorCode | None,
) -> None:
    other = PUSH if channel is EMAIL else EMAIL
    recipient = user(
        # Of the other channel the opposite, which must not count.
        preferences=ChannelPreferences(**{channel.value: wants_mail, other.value: not wants_mail}),
        categories={
            category: ChannelChoice(**{channel.value: chosen, other.value: not chosen}),
            "another": ChannelChoice(email=not chosen, push=not chosen),
        },
    )
    assert objection(recipient, channel, category, CATALOGUE) is expected
    decision = decide_admission(
        recipient, template(category=category), request(notification_type=channel), NOW, CATALOGUE
    )
    if expected is None:
        assert isinstance(decision, Admitted)
    else:
        assert isinstance(decision, Suppressed)
        assert decision.reason is expected


def test_who_has_chosen_nothing_has_the_categorys_default() -> None:
    assert objection(user(), EMAIL, "is_opted_in", CATALOGUE) is None
    assert objection(user(), EMAIL, "is_opted_out", CATALOGUE) is OPTED_OUT

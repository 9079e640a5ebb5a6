"""What users can choose of categories, and what comes of it."""

import pytest
from samples import new_user

from contracts.category import BUILT_IN
from contracts.preferences import ChannelChoice
from user_service.domain.choices import effective, merged, objections_to, replaced

OFF, ON = ChannelChoice(email=False), ChannelChoice(email=True)


@pytest.mark.parametrize(
    ("chosen", "fields"),
    [
        ({}, []),
        ({"marketing": OFF}, []),
        ({"marketing": None}, []),
        ({"security_alert": ON}, []),
        ({"security_alert": None}, []),
        ({"security_alert": ChannelChoice()}, []),
        ({"security_alert": OFF}, ["categories.security_alert.email"]),
        (
            {"security_alert": ChannelChoice(email=False, push=False), "marketing": OFF},
            ["categories.security_alert.email", "categories.security_alert.push"],
        ),
        ({"markting": OFF}, ["categories.markting"]),
        ({"markting": None}, ["categories.markting"]),
    ],
)
def test_nobody_opts_out_of_what_is_required_or_unknown(
    chosen: dict[str, ChannelChoice | None], fields: list[str]
) -> None:
    assert [one.field for one in objections_to(chosen, BUILT_IN)] == fields


def test_what_is_replaced_forgets_the_rest() -> None:
    assert replaced({"marketing": OFF, "order": None, "welcome": ChannelChoice()}) == {
        "marketing": OFF
    }


def test_what_is_merged_keeps_what_is_not_named() -> None:
    earlier = {"marketing": ChannelChoice(email=False, push=False), "order": OFF, "welcome": ON}
    chosen = {
        "marketing": ChannelChoice(email=True),
        "order": ChannelChoice(email=None),
        "welcome": None,
        "security_alert": ON,
    }
    assert merged(earlier, chosen) == {
        "marketing": ChannelChoice(email=True, push=False),
        "security_alert": ON,
    }
    assert earlier["order"] == OFF


def test_shows_what_comes_of_channels_choices_and_defaults() -> None:
    user = new_user(push_enabled=False, category_choices={"marketing": OFF})
    shown = {one.code: (one.email, one.push) for one in effective(user, BUILT_IN)}
    assert shown == {
        "email_verification": (True, True),
        "password_reset": (True, True),
        "security_alert": (True, True),
        "welcome": (True, False),
        "order": (True, False),
        "marketing": (False, False),
    }

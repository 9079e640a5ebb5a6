from dataclasses import replace
from datetime import timedelta

import pytest
from samples import LATER, NOW, new_suppression

from contracts.suppression import SuppressionReason
from user_service.domain.suppression import (
    Suppression,
    end_expired,
    lift,
    suppress,
    suppress_unless_old,
)

BOUNCE, COMPLAINT, MANUAL = (
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.COMPLAINT,
    SuppressionReason.MANUAL,
)
EMAIL = "ann@example.com"
SECOND = timedelta(seconds=1)


def one(reason: SuppressionReason = BOUNCE, **values: object) -> Suppression:
    return new_suppression(EMAIL, reason=reason, source=f"{reason.value}'s", **values)


@pytest.mark.parametrize(
    ("held", "heard", "stays"),
    [
        (BOUNCE, BOUNCE, BOUNCE),
        (BOUNCE, COMPLAINT, COMPLAINT),
        (COMPLAINT, BOUNCE, COMPLAINT),
        (MANUAL, BOUNCE, MANUAL),
        (MANUAL, COMPLAINT, MANUAL),
        (COMPLAINT, MANUAL, MANUAL),
    ],
)
def test_the_stronger_reason_stays_with_its_source(
    held: SuppressionReason, heard: SuppressionReason, stays: SuppressionReason
) -> None:
    kept = suppress(one(held), one(heard), NOW)
    assert kept is not None
    assert (kept.reason, kept.source) == (stays, f"{stays.value}'s")


def test_hearing_the_same_later_changes_nothing() -> None:
    assert suppress(one(), one(created_at=LATER), LATER) == one()


@pytest.mark.parametrize("reasons", [(BOUNCE, MANUAL), (MANUAL, BOUNCE)])
def test_the_later_expiry_counts_whoever_said_it(
    reasons: tuple[SuppressionReason, SuppressionReason],
) -> None:
    soon, late = LATER, LATER + SECOND
    first, second = reasons
    for expiries in ((soon, late), (late, soon)):
        kept = suppress(
            one(first, expires_at=expiries[0]), one(second, expires_at=expiries[1]), NOW
        )
        assert kept is not None
        assert (kept.reason, kept.expires_at) == (MANUAL, late)
    for never, ends in ((None, soon), (soon, None)):
        kept = suppress(one(first, expires_at=never), one(second, expires_at=ends), NOW)
        assert kept is not None
        assert kept.expires_at is None


def test_what_has_expired_neither_counts_nor_stays() -> None:
    expired = one(MANUAL, expires_at=NOW)
    assert suppress(None, expired, NOW) is None
    assert suppress(one(), expired, NOW) == one()
    assert suppress(expired, one(), NOW) == one()
    assert end_expired(expired, NOW) is None
    assert end_expired(expired, NOW - SECOND) == expired
    assert end_expired(one(), LATER) == one()
    assert end_expired(None, NOW) is None


def test_lifting_ends_what_is_in_force_once() -> None:
    lifted = lift(one(), LATER)
    assert lifted == one(lifted_at=LATER)
    assert not lifted.is_in_force(LATER)
    assert lift(lifted, LATER + SECOND) == lifted
    assert lift(None, LATER) is None
    assert end_expired(replace(lifted, expires_at=NOW), LATER) == replace(lifted, expires_at=NOW)


def test_old_news_does_not_suppress_what_was_lifted_and_new_ones_do() -> None:
    lifted = one(MANUAL, lifted_at=LATER)
    for created_at in (NOW, LATER):
        assert suppress_unless_old(lifted, one(created_at=created_at), LATER) == lifted
    bounced_again = one(created_at=LATER + SECOND)
    assert suppress_unless_old(lifted, bounced_again, LATER + SECOND) == bounced_again
    assert suppress_unless_old(None, one(), LATER) == one()
    assert suppress_unless_old(one(), one(COMPLAINT), LATER) == one(COMPLAINT)


def test_who_suppresses_by_hand_is_believed_whatever_the_clock_says() -> None:
    assert suppress(one(lifted_at=LATER), one(MANUAL), NOW) == one(MANUAL)

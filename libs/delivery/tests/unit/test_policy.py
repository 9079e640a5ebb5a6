"""What follows from a failed attempt, as a table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.names import RETRY_TIERS
from contracts.notification import AmbiguousPolicy
from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.policy import (
    FREE_PROVIDER_FAILURES,
    LONGEST_POSTPONEMENT,
    LONGEST_WAIT,
    Consequence,
    DeadLetter,
    Expire,
    Hold,
    Postpone,
    Retry,
    backoff,
    consequence_of,
    tier_for,
)

TRANSIENT = TransientDeliveryError("greylisted")
PROVIDER_DOWN = TransientDeliveryError("login_refused", provider_failed=True)
PROVIDER_BUSY = TransientDeliveryError("throttled", retry_after=90, provider_failed=True)
ASKED_TO_WAIT = TransientDeliveryError("throttled", retry_after=90)
PERMANENT = PermanentDeliveryError("too_large")
INVALID = InvalidRecipientError("no_such_user")
AMBIGUOUS = AmbiguousDeliveryError("connection_lost")
RESEND, HOLD = AmbiguousPolicy.RESEND, AmbiguousPolicy.HOLD

TABLE = [
    # error, attempts used up, policy, consequence
    (TRANSIENT, False, RESEND, Retry(timedelta(seconds=12))),
    (TRANSIENT, False, HOLD, Retry(timedelta(seconds=12))),
    (TRANSIENT, True, RESEND, DeadLetter("retries_exhausted")),
    (TRANSIENT, True, HOLD, DeadLetter("retries_exhausted")),
    (PROVIDER_DOWN, False, HOLD, Postpone(timedelta(seconds=2))),
    (PROVIDER_DOWN, True, RESEND, Postpone(timedelta(seconds=2))),
    (PROVIDER_BUSY, True, RESEND, Postpone(timedelta(seconds=90))),
    (ASKED_TO_WAIT, False, RESEND, Retry(timedelta(seconds=90))),
    (ASKED_TO_WAIT, False, HOLD, Retry(timedelta(seconds=90))),
    (ASKED_TO_WAIT, True, RESEND, DeadLetter("retries_exhausted")),
    (PERMANENT, False, RESEND, DeadLetter("too_large")),
    (PERMANENT, False, HOLD, DeadLetter("too_large")),
    (PERMANENT, True, RESEND, DeadLetter("too_large")),
    (INVALID, False, RESEND, DeadLetter("no_such_user")),
    (INVALID, True, HOLD, DeadLetter("no_such_user")),
    (AMBIGUOUS, False, RESEND, Retry(timedelta(seconds=12))),
    (AMBIGUOUS, False, HOLD, Hold()),
    (AMBIGUOUS, True, RESEND, Hold()),
    (AMBIGUOUS, True, HOLD, Hold()),
]


@pytest.mark.parametrize(("error", "is_exhausted", "ambiguous", "expected"), TABLE)
def test_each_failure_has_its_consequence(
    error: DeliveryError, is_exhausted: bool, ambiguous: AmbiguousPolicy, expected: Consequence
) -> None:
    assert (
        consequence_of(
            error,
            retry_count=1,
            max_retries=1 if is_exhausted else 2,
            ambiguous=ambiguous,
            jitter=0,
        )
        == expected
    )


def test_a_message_without_retries_is_attempted_once() -> None:
    consequence = consequence_of(
        TRANSIENT, retry_count=0, max_retries=0, ambiguous=RESEND, jitter=0
    )
    assert consequence == DeadLetter("retries_exhausted")


def test_an_error_of_no_kind_is_a_defect_and_not_a_retry() -> None:
    class StrangeError(DeliveryError):
        pass

    with pytest.raises(TypeError, match="StrangeError"):
        consequence_of(
            StrangeError("odd"), retry_count=0, max_retries=5, ambiguous=RESEND, jitter=0
        )


@pytest.mark.parametrize(
    ("retry_count", "seconds"), [(0, 2), (1, 12), (2, 72), (3, 432), (4, 2592)]
)
def test_waits_grow_sixfold_from_two_seconds(retry_count: int, seconds: float) -> None:
    assert backoff(retry_count, 0) == timedelta(seconds=seconds)


@given(st.integers(0, 4), st.floats(-1, 1))
def test_jitter_changes_a_wait_by_a_fifth_at_most(retry_count: int, jitter: float) -> None:
    middle = 2 * 6**retry_count
    wait = backoff(retry_count, jitter).total_seconds()
    assert 0.8 * middle - 1e-6 <= wait <= 1.2 * middle + 1e-6


def test_jitter_reaches_both_bounds() -> None:
    assert backoff(0, -1) == timedelta(seconds=1.6)
    assert backoff(0, 1) == timedelta(seconds=2.4)


@given(st.floats(0, 2_800), st.floats(-1, 1), st.integers(0, 4))
def test_a_wait_that_the_provider_asked_for_is_never_shortened(
    seconds: float, jitter: float, retry_count: int
) -> None:
    consequence = consequence_of(
        TransientDeliveryError("throttled", retry_after=seconds),
        retry_count=retry_count,
        max_retries=5,
        ambiguous=RESEND,
        jitter=jitter,
    )
    assert isinstance(consequence, Retry)
    asked = timedelta(seconds=seconds)
    assert asked <= consequence.delay <= asked * 1.1 + timedelta(microseconds=1)


@pytest.mark.parametrize(
    "retry_after",
    [
        24 * 3600,
        99_999_999_999,
        (datetime(9999, 12, 31, tzinfo=UTC) - datetime(2026, 11, 20, tzinfo=UTC)).total_seconds(),
        float("inf"),
        float("nan"),
    ],
)
def test_no_provider_is_believed_for_more_than_a_day(retry_after: float) -> None:
    error = TransientDeliveryError("throttled", retry_after=retry_after)
    consequence = consequence_of(error, retry_count=0, max_retries=5, ambiguous=RESEND, jitter=1)
    assert consequence == Retry(LONGEST_WAIT)


@pytest.mark.parametrize("provider_failures", range(FREE_PROVIDER_FAILURES))
def test_a_provider_that_takes_nothing_costs_no_attempt(provider_failures: int) -> None:
    consequence = consequence_of(
        PROVIDER_DOWN,
        retry_count=5,
        max_retries=5,
        ambiguous=RESEND,
        jitter=1,
        provider_failures=provider_failures,
    )
    assert isinstance(consequence, Postpone)
    assert timedelta(seconds=2) < consequence.delay <= LONGEST_POSTPONEMENT


def test_what_meets_nothing_but_failures_is_what_the_provider_chokes_on() -> None:
    consequence = consequence_of(
        PROVIDER_DOWN,
        retry_count=0,
        max_retries=5,
        ambiguous=RESEND,
        jitter=0,
        provider_failures=FREE_PROVIDER_FAILURES,
    )
    assert consequence == Retry(timedelta(seconds=2))


@given(st.floats(0.001, 10), st.integers(0, 4))
def test_the_first_wait_can_be_chosen_and_the_others_follow(base: float, count: int) -> None:
    assert backoff(count, 0, base).total_seconds() == pytest.approx(base * 6**count, abs=1e-5)


def test_a_wait_that_is_over_already_is_none() -> None:
    error = TransientDeliveryError("throttled", retry_after=-5)
    consequence = consequence_of(error, retry_count=0, max_retries=5, ambiguous=RESEND, jitter=1)
    assert consequence == Retry(timedelta(0))


@pytest.mark.parametrize("retry_count", [5, 10, 100_000])
def test_waits_do_not_grow_beyond_the_fifth(retry_count: int) -> None:
    assert backoff(retry_count, 0) == timedelta(seconds=2592)


@pytest.mark.parametrize(
    ("error", "seconds_left", "expected"),
    [
        (TRANSIENT, 12.1, Retry(timedelta(seconds=12))),
        (TRANSIENT, 12, Expire()),
        (TRANSIENT, -1, Expire()),
        (ASKED_TO_WAIT, 89, Expire()),
        (PROVIDER_DOWN, 2, Expire()),
        (PERMANENT, 1, DeadLetter("too_large")),
        (AMBIGUOUS, 12.1, Retry(timedelta(seconds=12))),
        (AMBIGUOUS, 12, Hold()),
    ],
)
def test_a_retry_that_would_come_too_late_is_none(
    error: DeliveryError, seconds_left: float, expected: Consequence
) -> None:
    consequence = consequence_of(
        error,
        retry_count=1,
        max_retries=5,
        ambiguous=RESEND,
        jitter=0,
        time_left=timedelta(seconds=seconds_left),
    )
    assert consequence == expected


@pytest.mark.parametrize(
    ("seconds", "tier"),
    [
        *[(0, 1), (0.5, 1), (1, 1), (3.99, 1), (4, 4), (15.9, 4), (16, 16), (63, 16), (64, 64)],
        *[(255, 64), (256, 256), (1023, 256), (1024, 1024), (100_000, 1024)],
    ],
)
def test_takes_the_largest_tier_that_fits(seconds: float, tier: int) -> None:
    assert tier_for(timedelta(seconds=seconds)) == tier


@given(st.floats(1, 4_000))
def test_hops_come_to_an_end_near_the_wait_and_never_overshoot_by_a_tier(wait: float) -> None:
    rest, hops = wait, 0
    while rest >= 0.5:  # SOON
        rest -= tier_for(timedelta(seconds=rest))
        hops += 1
    assert rest > -0.51
    assert hops <= 4_000 // 1024 + 3 * (len(RETRY_TIERS) - 1)

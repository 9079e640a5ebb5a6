"""What follows from a failed attempt: the one place where errors become retries or ends.

Pure: chance comes in as a number, time is added by the caller.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from contracts.names import RETRY_TIERS
from contracts.notification import AmbiguousPolicy
from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    PermanentDeliveryError,
    TransientDeliveryError,
)

BACKOFF_BASE_SECONDS: Final = 2.0
BACKOFF_FACTOR: Final = 6.0
BACKOFF_JITTER: Final = 0.2
BACKOFF_STEPS: Final = 5

LONGEST_WAIT: Final = timedelta(hours=24)
"""A provider that asks for more is asked again then: what it says may be nonsense (a date in the
year 9999), and a message that waits for years would be lost without a word."""

PARK_AFTER: Final = timedelta(hours=1)
"""What waits longer is handed back to the gateway's database: queues are no place for it."""

FREE_PROVIDER_FAILURES: Final = 20
"""So often a delivery may meet a provider that takes nothing from anybody before that costs it
attempts: while a provider is down its breaker lets hardly any delivery meet it, so one that keeps
meeting failures is what the provider chokes on."""

LONGEST_POSTPONEMENT: Final = timedelta(seconds=72)

SOON: Final = timedelta(milliseconds=500)
"""A wait shorter than this is over: the shortest tier would overshoot by more."""

RETRIES_EXHAUSTED: Final = "retries_exhausted"


@dataclass(frozen=True)
class Retry:
    """Attempt again after `delay`."""

    delay: timedelta


@dataclass(frozen=True)
class Postpone:
    """The provider as a whole took nothing: ask again after `delay`; this was no attempt."""

    delay: timedelta


@dataclass(frozen=True)
class DeadLetter:
    """Give up and keep the message where an operator can replay it."""

    reason: str


@dataclass(frozen=True)
class Hold:
    """Leave it as `unknown`: perhaps sent, and a second copy would harm."""


@dataclass(frozen=True)
class Expire:
    """Give up because a further attempt would come too late."""


Consequence = Retry | Postpone | DeadLetter | Hold | Expire


def consequence_of(
    error: DeliveryError,
    *,
    retry_count: int,
    max_retries: int,
    ambiguous: AmbiguousPolicy,
    jitter: float,
    time_left: timedelta | None = None,
    provider_failures: int = 0,
    backoff_seconds: float = BACKOFF_BASE_SECONDS,
) -> Consequence:
    """Decide what follows from a failed attempt.

    Args:
        error: How it failed.
        retry_count: Attempts made before this one.
        max_retries: Attempts allowed after the first.
        ambiguous: What the notification's category says about possible duplicates.
        jitter: Chance, evenly from -1 to 1.
        time_left: Until the message expires; None: it never does.
        provider_failures: How often providers as a whole refused before.
        backoff_seconds: Before the second attempt.
    """
    if (
        isinstance(error, TransientDeliveryError)
        and error.provider_failed
        and provider_failures < FREE_PROVIDER_FAILURES
    ):
        consequence: Consequence = Postpone(
            min(backoff(provider_failures, jitter, backoff_seconds), LONGEST_POSTPONEMENT)
            if error.retry_after is None
            else _asked_for(error.retry_after, jitter)
        )
    else:
        consequence = _counted(error, retry_count, max_retries, ambiguous, jitter, backoff_seconds)
    if (
        isinstance(consequence, Retry | Postpone)
        and time_left is not None
        and (consequence.delay >= time_left)
    ):
        # Perhaps sent is not expired; the history must not say that nothing arrived.
        return Hold() if isinstance(error, AmbiguousDeliveryError) else Expire()
    return consequence


def _counted(
    error: DeliveryError,
    retry_count: int,
    max_retries: int,
    ambiguous: AmbiguousPolicy,
    jitter: float,
    backoff_seconds: float,
) -> Consequence:
    exhausted = retry_count >= max_retries
    match error:
        case PermanentDeliveryError():
            return DeadLetter(error.reason)
        case AmbiguousDeliveryError():
            if exhausted or ambiguous is AmbiguousPolicy.HOLD:
                return Hold()
            return Retry(backoff(retry_count, jitter, backoff_seconds))
        case TransientDeliveryError():
            if exhausted:
                return DeadLetter(RETRIES_EXHAUSTED)
            if error.retry_after is not None:
                return Retry(_asked_for(error.retry_after, jitter))
            return Retry(backoff(retry_count, jitter, backoff_seconds))
    msg = f"{type(error).__name__} is none of the four kinds of DeliveryError"
    raise TypeError(msg)


def backoff(
    retry_count: int, jitter: float, backoff_seconds: float = BACKOFF_BASE_SECONDS
) -> timedelta:
    """2 s, 12 s, 72 s, 7 min, 43 min, each ± 20 %: long enough to outlast greylisting."""
    seconds = backoff_seconds * BACKOFF_FACTOR ** min(retry_count, BACKOFF_STEPS - 1)
    return timedelta(seconds=seconds * (1 + BACKOFF_JITTER * jitter))


def _asked_for(retry_after: float, jitter: float) -> timedelta:
    # Never earlier than asked for: the jitter only adds. In this order NaN is the longest wait.
    seconds = min(LONGEST_WAIT.total_seconds(), retry_after * (1 + abs(jitter) * 0.1))
    return timedelta(seconds=max(0.0, seconds))


def tier_for(wait: timedelta) -> int:
    """The largest retry tier that fits into `wait`, at least the shortest; in seconds."""
    fitting = [tier for tier in RETRY_TIERS if timedelta(seconds=tier) <= wait]
    return fitting[-1] if fitting else RETRY_TIERS[0]

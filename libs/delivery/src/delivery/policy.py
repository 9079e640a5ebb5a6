"""What follows from a failed attempt: the one place where errors become retry, dead letter or hold.

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

SOON: Final = timedelta(milliseconds=500)
"""A wait shorter than this is over: the shortest tier would overshoot by more."""

RETRIES_EXHAUSTED: Final = "retries_exhausted"


@dataclass(frozen=True)
class Retry:
    """Attempt again after `delay`."""

    delay: timedelta


@dataclass(frozen=True)
class DeadLetter:
    """Give up and keep the message where an operator can replay it."""

    reason: str


@dataclass(frozen=True)
class Hold:
    """Leave it as `unknown`: perhaps sent, and a second copy would harm."""


Consequence = Retry | DeadLetter | Hold


def consequence_of(
    error: DeliveryError,
    *,
    retry_count: int,
    max_retries: int,
    ambiguous: AmbiguousPolicy,
    jitter: float,
) -> Consequence:
    """Decide what follows from a failed attempt.

    Args:
        error: How it failed.
        retry_count: Attempts made before this one.
        max_retries: Attempts allowed after the first.
        ambiguous: What the notification's category says about possible duplicates.
        jitter: Chance, evenly from -1 to 1.
    """
    exhausted = retry_count >= max_retries
    match error:
        case PermanentDeliveryError():
            return DeadLetter(error.reason)
        case AmbiguousDeliveryError():
            if exhausted or ambiguous is AmbiguousPolicy.HOLD:
                return Hold()
            return Retry(backoff(retry_count, jitter))
        case TransientDeliveryError():
            if exhausted:
                return DeadLetter(RETRIES_EXHAUSTED)
            if error.retry_after is not None:
                # Never earlier than asked for: the jitter only adds.
                return Retry(timedelta(seconds=error.retry_after * (1 + abs(jitter) * 0.1)))
            return Retry(backoff(retry_count, jitter))
    msg = f"{type(error).__name__} is none of the four kinds of DeliveryError"
    raise TypeError(msg)


def backoff(retry_count: int, jitter: float) -> timedelta:
    """2 s, 12 s, 72 s, 7 min, 43 min, each ± 20 %: long enough to outlast greylisting."""
    seconds = BACKOFF_BASE_SECONDS * BACKOFF_FACTOR**retry_count
    return timedelta(seconds=seconds * (1 + BACKOFF_JITTER * jitter))


def tier_for(wait: timedelta) -> int:
    """The largest retry tier that fits into `wait`, at least the shortest; in seconds."""
    fitting = [tier for tier in RETRY_TIERS if timedelta(seconds=tier) <= wait]
    return fitting[-1] if fitting else RETRY_TIERS[0]

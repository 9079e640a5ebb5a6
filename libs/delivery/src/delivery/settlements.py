"""How each end of an attempt is written down: pure, from what happened to a `Settlement`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import OutcomeKind
from delivery.claims import Settlement
from delivery.errors import DeliveryError
from delivery.outcomes import outcome_of
from delivery.policy import Consequence, DeadLetter, Expire, Hold, Retry
from delivery.provider import ProviderAcceptance

POISON: Final = "poison"
CLAIM_LAPSED: Final = "claim_lapsed"
EXPIRED: Final = "expired"


@dataclass(frozen=True)
class Attempt:
    """One attempt that has ended.

    Attributes:
        message: The delivery, as of this attempt.
        began: When, by the claims' clock.
        seconds: How long it took.
        provider: Who was asked; None where it did not come to that.
    """

    message: DeliveryMessage
    began: datetime
    seconds: float
    provider: str | None

    @property
    def ended(self) -> datetime:
        """When it ended, by the claims' clock."""
        return self.began + timedelta(seconds=self.seconds)


def settle_success(attempt: Attempt, acceptance: ProviderAcceptance) -> Settlement:
    """The provider took it."""
    return Settlement(
        outcome=outcome_of(
            attempt.message,
            OutcomeKind.SENT,
            at=attempt.ended,
            provider=attempt.provider,
            provider_message_id=acceptance.provider_message_id,
            reply_code=acceptance.reply_code,
            latency_ms=attempt.seconds * 1000,
        )
    )


def settle_failure(attempt: Attempt, error: DeliveryError, consequence: Consequence) -> Settlement:
    """The attempt failed, with this consequence."""
    kind, retry_at, dead_reason = OutcomeKind.UNKNOWN, None, None
    reason, detail = error.reason, error.detail
    match consequence:
        case Retry(delay):
            kind, retry_at = OutcomeKind.DELIVERY_ATTEMPTED, attempt.ended + delay
        case DeadLetter(why):
            kind, dead_reason = OutcomeKind.FAILED, why
        case Expire():
            kind, reason, detail = OutcomeKind.EXPIRED, EXPIRED, str(error)
        case Hold():
            pass
    was_asked = attempt.provider is not None
    return Settlement(
        outcome=outcome_of(
            attempt.message,
            kind,
            at=attempt.ended,
            attempted=was_asked,
            provider=attempt.provider,
            reply_code=error.reply_code,
            latency_ms=attempt.seconds * 1000 if was_asked else None,
            reason=reason,
            detail=detail,
            next_attempt_at=retry_at,
        ),
        retry_at=retry_at,
        next_retry_count=attempt.message.retry_count + 1 if retry_at else None,
        dead_reason=dead_reason,
    )


def settle_expired(message: DeliveryMessage, now: datetime) -> Settlement:
    """Its time was over before anybody was asked."""
    return Settlement(
        outcome=outcome_of(message, OutcomeKind.EXPIRED, at=now, attempted=False, reason=EXPIRED)
    )


def settle_poison(message: DeliveryMessage, now: datetime) -> Settlement:
    """Whoever works on it falls silent: it goes where it cannot do that any more."""
    detail = "Whoever worked on this fell silent, several times over."
    outcome = outcome_of(message, OutcomeKind.FAILED, at=now, reason=POISON, detail=detail)
    return Settlement(outcome=outcome, dead_reason=POISON)


def settle_lapsed(message: DeliveryMessage, now: datetime) -> Settlement:
    """Perhaps it was sent, and a second copy would harm."""
    detail = "A worker fell silent while sending, and this category forbids a second copy."
    outcome = outcome_of(message, OutcomeKind.UNKNOWN, at=now, reason=CLAIM_LAPSED, detail=detail)
    return Settlement(outcome=outcome)

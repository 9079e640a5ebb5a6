"""How each end of an attempt is written down: pure, from what happened to a `Settlement`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.suppression import SuppressionNotice
from delivery.claims import Settlement
from delivery.errors import AmbiguousDeliveryError, DeliveryError
from delivery.outcomes import outcome_of
from delivery.policy import PARK_AFTER, DeadLetter, Expire, Hold, Retry
from delivery.provider_chain import Handover, Refusal

POISON: Final = "poison"
CLAIM_LAPSED: Final = "claim_lapsed"
EXPIRED: Final = "expired"
RECIPIENT_LIMIT: Final = "recipient_limit"
SUPPRESSED: Final = "address_suppressed"


@dataclass(frozen=True)
class Attempt:
    """One attempt that has ended.

    Attributes:
        message: The delivery, as of this attempt.
        began: When, by the claims' clock.
        seconds: How long all of it took.
        provider: Who was asked last; None where it did not come to that.
        provider_seconds: How long that one took.
        refusals: Who was asked before, and took nothing from anybody.
    """

    message: DeliveryMessage
    began: datetime
    seconds: float
    provider: str | None = None
    provider_seconds: float = 0.0
    refusals: Sequence[Refusal] = ()

    @property
    def ended(self) -> datetime:
        """When it ended, by the claims' clock."""
        return self.began + timedelta(seconds=self.seconds)


def settle_success(attempt: Attempt, handover: Handover) -> Settlement:
    """The provider took it."""
    return Settlement(
        outcome=outcome_of(
            attempt.message,
            OutcomeKind.SENT,
            at=attempt.ended,
            provider=handover.provider,
            provider_message_id=handover.acceptance.provider_message_id,
            reply_code=handover.acceptance.reply_code,
            latency_ms=handover.seconds * 1000,
        ),
        earlier=tuple(refusal_events(attempt)),
    )


def settle_failure(
    attempt: Attempt,
    error: DeliveryError,
    consequence: Retry | DeadLetter | Expire | Hold,
    suppression: SuppressionNotice | None = None,
) -> Settlement:
    """The attempt failed, with this consequence; perhaps the address is to be left alone now."""
    kind, retry_at, dead_reason = OutcomeKind.UNKNOWN, None, None
    reason, detail, parked = error.reason, error.detail, None
    message = attempt.message
    was_asked = attempt.provider is not None
    perhaps_took_it = (
        attempt.provider if isinstance(error, AmbiguousDeliveryError) else message.pinned_provider
    )
    next_one = message.model_copy(
        update={"retry_count": message.retry_count + 1, "pinned_provider": perhaps_took_it}
    )
    match consequence:
        case Retry(delay):
            kind, retry_at = OutcomeKind.DELIVERY_ATTEMPTED, attempt.ended + delay
            parked = next_one if delay > PARK_AFTER else None
        case DeadLetter(why):
            kind, dead_reason = OutcomeKind.FAILED, why
        case Expire():
            kind, reason, detail = _kind_of_expiry(message), EXPIRED, str(error)
        case Hold():
            pass
    return Settlement(
        outcome=outcome_of(
            message,
            kind,
            at=attempt.ended,
            attempted=was_asked,
            provider=attempt.provider,
            reply_code=error.reply_code,
            latency_ms=attempt.provider_seconds * 1000 if was_asked else None,
            reason=reason,
            detail=detail,
            next_attempt_at=retry_at,
            parked=parked,
            suppression=suppression,
        ),
        retry_at=retry_at,
        next_retry_count=next_one.retry_count if retry_at else None,
        dead_reason=dead_reason,
        earlier=tuple(refusal_events(attempt)),
        pinned_provider=next_one.pinned_provider if retry_at else None,
    )


def settle_expired(message: DeliveryMessage, now: datetime) -> Settlement:
    """Its time is over, or will be when its turn comes; `unknown` where it was perhaps sent."""
    return Settlement(
        outcome=outcome_of(
            message, _kind_of_expiry(message), at=now, attempted=False, reason=EXPIRED
        )
    )


def _kind_of_expiry(message: DeliveryMessage) -> OutcomeKind:
    # Perhaps sent is not expired; the history must not say that nothing arrived.
    return OutcomeKind.UNKNOWN if message.pinned_provider else OutcomeKind.EXPIRED


def settle_suppressed(message: DeliveryMessage, now: datetime, why: str) -> Settlement:
    """Since it was accepted its address has turned out to be dead, or its owner unwilling."""
    outcome = outcome_of(
        message, OutcomeKind.SUPPRESSED, at=now, attempted=False, reason=SUPPRESSED, detail=why
    )
    return Settlement(outcome=outcome)


def settle_poison(message: DeliveryMessage, now: datetime) -> Settlement:
    """Whoever works on it falls silent: it goes where it cannot do that any more."""
    detail = "Whoever worked on this fell silent, several times over."
    outcome = outcome_of(message, OutcomeKind.FAILED, at=now, reason=POISON, detail=detail)
    return Settlement(outcome=outcome, dead_reason=POISON)


def settle_lapsed(message: DeliveryMessage, now: datetime) -> Settlement:
    """Perhaps it was sent, and a second copy would harm, or come too late."""
    detail = "A worker fell silent while sending; a second copy would harm, or come too late."
    outcome = outcome_of(message, OutcomeKind.UNKNOWN, at=now, reason=CLAIM_LAPSED, detail=detail)
    return Settlement(outcome=outcome)


def refusal_events(attempt: Attempt) -> list[DeliveryOutcome]:
    """What the timeline says of providers that were asked in vain before the one that decided."""
    message = attempt.message
    return [
        outcome_of(
            message,
            OutcomeKind.DELIVERY_ATTEMPTED,
            at=attempt.ended - timedelta(seconds=attempt.provider_seconds),
            distinction=("failed over", refusal.provider, message.provider_failures),
            provider=refusal.provider,
            reply_code=refusal.error.reply_code,
            latency_ms=refusal.seconds * 1000,
            reason=refusal.error.reason,
            detail=refusal.error.detail,
        )
        for refusal in attempt.refusals
    ]


def postponed(attempt: Attempt, error: DeliveryError, delay: timedelta) -> DeliveryOutcome:
    """No provider took anything from anybody; the delivery comes again as if for the first time."""
    message = attempt.message
    return outcome_of(
        message,
        OutcomeKind.DEFERRED,
        at=attempt.ended,
        distinction=("postponed", message.provider_failures),
        attempted=False,
        provider=attempt.provider,
        reply_code=error.reply_code,
        latency_ms=attempt.provider_seconds * 1000,
        reason=error.reason,
        detail=error.detail,
        next_attempt_at=attempt.ended + delay,
        parked=one_failure_later(message) if delay > PARK_AFTER else None,
    )


def one_failure_later(message: DeliveryMessage) -> DeliveryMessage:
    """A delivery after it has met providers that take nothing."""
    return message.model_copy(update={"provider_failures": message.provider_failures + 1})


def deferred_by_limit(
    message: DeliveryMessage, now: datetime, retry_at: datetime
) -> DeliveryOutcome:
    """Its recipient has had enough for this hour."""
    return outcome_of(
        message,
        OutcomeKind.DEFERRED,
        at=now,
        distinction=("limited", retry_at.isoformat()),
        attempted=False,
        reason=RECIPIENT_LIMIT,
        detail="This address has been sent as much as it may be within an hour.",
        next_attempt_at=retry_at,
        parked=message if retry_at - now > PARK_AFTER else None,
    )

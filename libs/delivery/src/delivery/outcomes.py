"""Builds the events that report an attempt; the same attempt and kind give the same event id."""

from datetime import datetime

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome, OutcomeKind, outcome_event_id
from contracts.provider_words import storable_detail, storable_text
from contracts.suppression import SuppressionNotice


def outcome_of(
    message: DeliveryMessage,
    kind: OutcomeKind,
    *,
    at: datetime,
    distinction: tuple[object, ...] = (),
    attempted: bool = True,
    provider: str | None = None,
    provider_message_id: str | None = None,
    reply_code: str | None = None,
    latency_ms: float | None = None,
    reason: str | None = None,
    detail: str | None = None,
    next_attempt_at: datetime | None = None,
    parked: DeliveryMessage | None = None,
    suppression: SuppressionNotice | None = None,
) -> DeliveryOutcome:
    """Describe what happened to a delivery.

    Args:
        message: The delivery, as of this attempt.
        kind: What happened.
        at: When, by the claims' clock.
        distinction: What tells this event from others of its kind and attempt.
        attempted: Whether a provider was asked; without, the attempt is number 0.
        provider: Name of the provider that was asked.
        provider_message_id: The provider's name for the message.
        reply_code: The provider's own code.
        latency_ms: How long the provider took.
        reason: Stable word for why.
        detail: The provider's own words; shortened here, and addresses in it masked: SMTP servers
            repeat the recipient, which has no place in histories and dead letters' headers.
        next_attempt_at: When the next attempt is due, if there is one.
        parked: What the delivery is then, where no queue holds it until then.
        suppression: Asks that nothing more be sent to the address.
    """
    return DeliveryOutcome(
        event_id=outcome_event_id(
            kind, message.delivery_id, message.generation, message.retry_count, *distinction
        ),
        kind=kind,
        delivery_id=message.delivery_id,
        notification_id=message.notification_id,
        generation=message.generation,
        attempt=message.retry_count + 1 if attempted else 0,
        at=at,
        provider=provider,
        provider_message_id=storable_text(provider_message_id),
        reply_code=storable_text(reply_code),
        latency_ms=round(latency_ms, 2) if latency_ms is not None else None,
        reason=storable_text(reason),
        detail=storable_detail(detail),
        next_attempt_at=next_attempt_at,
        parked=parked is not None,
        next_retry_count=parked.retry_count if parked else None,
        next_provider_failures=parked.provider_failures if parked else 0,
        pinned_provider=parked.pinned_provider if parked else None,
        suppression=suppression,
        correlation_id=message.correlation_id,
    )

"""Builds the events that report an attempt; the same attempt and kind give the same event id."""

import re
from datetime import datetime
from typing import Final

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome, OutcomeKind, outcome_event_id
from contracts.suppression import SuppressionNotice

_DETAIL_CHARACTERS: Final = 500
# The local part of an address, from its beginning on: so a long text without any @ costs no more
# than its length.
_LOCAL_PART: Final = re.compile(
    r'(?<![^\s<>()\[\]{}",;:@])([^\s<>()\[\]{}",;:@])[^\s<>()\[\]{}",;:@]*+@'
)


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
        provider_message_id=_storable(provider_message_id),
        reply_code=_storable(reply_code),
        latency_ms=round(latency_ms, 2) if latency_ms is not None else None,
        reason=_storable(reason),
        detail=storable_detail(detail),
        next_attempt_at=next_attempt_at,
        parked=parked is not None,
        next_retry_count=parked.retry_count if parked else None,
        next_provider_failures=parked.provider_failures if parked else 0,
        pinned_provider=parked.pinned_provider if parked else None,
        suppression=suppression,
        correlation_id=message.correlation_id,
    )


def storable_detail(text: str | None) -> str | None:
    """A provider's own words as the history keeps them.

    Shortened, in characters that JSON and PostgreSQL can hold, and with addresses masked
    (`j***@example.com`): servers repeat the recipient, which has no place in histories.
    """
    return _storable(_LOCAL_PART.sub(r"\1***@", text)[:_DETAIL_CHARACTERS]) if text else None


def _storable(text: str | None) -> str | None:
    """Text that JSON and PostgreSQL can hold, whatever bytes a provider answered.

    Clients of text protocols decode foreign bytes to lone surrogates; an outcome that cannot be
    written would turn a send that has happened into one that seems never to have ended.
    """
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")

"""Rows of notifications, deliveries and events as the domain knows them."""

from typing import Any, Final

from sqlalchemy import Row

from api_gateway.domain.delivery_state import DeliveryState
from api_gateway.domain.notification import Delivery, Notification, TimelineEvent
from contracts.notification import (
    AmbiguousPolicy,
    DeviceKind,
    NotificationStatus,
    NotificationType,
)

RELAYS_OWN: Final = frozenset({"release_at", "erase_at"})
"""Columns of `notifications` that are nobody's but the relays'."""


def notification_of(row: Row[Any], **extra: Any) -> Notification:
    """A row of `notifications`; `extra`: what it does not hold."""
    values = {key: value for key, value in row._asdict().items() if key not in RELAYS_OWN}
    values["notification_type"] = NotificationType(row.notification_type)
    values["status"] = NotificationStatus(row.status)
    values["ambiguous"] = AmbiguousPolicy(row.ambiguous)
    return Notification(**values, **extra)


def delivery_of(row: Row[Any]) -> Delivery:
    """A row of `deliveries`."""
    return Delivery(
        id=row.id,
        recipient=row.recipient,
        device_kind=DeviceKind(row.device_kind) if row.device_kind else None,
        status=NotificationStatus(row.status),
        attempts=row.attempts,
        provider=row.provider,
        provider_message_id=row.provider_message_id,
        reason=row.reason,
        generation=row.generation,
    )


def timeline_event_of(row: Row[Any]) -> TimelineEvent:
    """A row of `notification_events`."""
    return TimelineEvent(
        kind=row.kind,
        status=NotificationStatus(row.status),
        at=row.at,
        delivery_id=row.delivery_id,
        generation=row.generation,
        attempt=row.attempt,
        provider=row.provider,
        provider_message_id=row.provider_message_id,
        reply_code=row.reply_code,
        latency_ms=row.latency_ms,
        reason=row.reason,
        detail=row.detail,
        next_attempt_at=row.next_attempt_at,
    )


def state_of(row: Row[Any]) -> DeliveryState:
    """What the merge of events has made of a row of `deliveries`."""
    return DeliveryState(
        status=NotificationStatus(row.status),
        attempts=row.attempts,
        generation=row.generation,
        rank=row.rank,
        event_at=row.event_at,
        event_id=row.event_id,
        provider=row.provider,
        provider_message_id=row.provider_message_id,
        reason=row.reason,
    )

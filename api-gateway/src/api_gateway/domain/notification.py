"""A notification as it is stored, with its deliveries and its history."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.error_codes import ErrorCode
from contracts.notification import (
    AmbiguousPolicy,
    DeviceKind,
    NotificationStatus,
    NotificationType,
)


@dataclass(frozen=True)
class Delivery:
    """One address of a notification, and where its message stands.

    Attributes:
        attempts: How many were made, in all generations.
        generation: How often it was replayed.
    """

    id: UUID
    recipient: str
    device_kind: DeviceKind | None
    status: NotificationStatus
    attempts: int = 0
    provider: str | None = None
    provider_message_id: str | None = None
    reason: str | None = None
    generation: int = 0


@dataclass(frozen=True)
class TimelineEvent:
    """One step of a notification's history. `latency_ms` is in milliseconds."""

    kind: str
    status: NotificationStatus
    at: datetime
    delivery_id: UUID | None = None
    generation: int = 0
    attempt: int = 0
    provider: str | None = None
    provider_message_id: str | None = None
    reply_code: str | None = None
    latency_ms: float | None = None
    reason: str | None = None
    detail: str | None = None
    next_attempt_at: datetime | None = None


@dataclass(frozen=True)
class Notification:
    """A notification that was accepted.

    Attributes:
        language: What was decided; `requested_language` is what the request named, if it did.
        priority: Likewise.
        scheduled_at: Not sent before; what else it depends on is decided again then.
        batch_id: The batch that it came in, if it did.
    """

    id: UUID
    client_id: str
    request_id: str | None
    notification_type: NotificationType
    user_id: UUID
    template_code: str
    template_version: int
    language: str
    category: str
    priority: int
    status: NotificationStatus
    reason: str | None
    variables: dict[str, Any]
    metadata: dict[str, Any]
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    ambiguous: AmbiguousPolicy = AmbiguousPolicy.RESEND
    traceparent: str | None = None
    batch_id: UUID | None = None
    requested_language: str | None = None
    requested_priority: int | None = None
    scheduled_at: datetime | None = None
    deliveries: tuple[Delivery, ...] = field(default=())
    timeline: tuple[TimelineEvent, ...] = field(default=())


@dataclass(frozen=True)
class Acceptance:
    """What a caller is told about a notification that is stored.

    Attributes:
        notification_id: The stored id.
        status: `pending`, `scheduled`, or `suppressed`.
        created_at: When it was stored.
        error: Why it will not be sent, if so.
    """

    notification_id: UUID
    status: NotificationStatus
    created_at: datetime
    error: ErrorCode | None = None

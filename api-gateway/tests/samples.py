"""Things to test with; everything that a test does not care about has a value."""

import itertools
import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification import Acceptance, Delivery, Notification
from api_gateway.domain.request import IdempotencyKey, NotificationRequest
from contracts.delivery_message import DeliveryMessage
from contracts.notification import DeviceKind, NotificationStatus, NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.preferences import ChannelPreferences
from contracts.template_snapshot import ChannelVariables, LiveVersion, TemplateSnapshot
from contracts.user_snapshot import DeviceAddress, UserSnapshot

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_RUN = secrets.token_hex(4)
_numbers = itertools.count(1)


def unused(prefix: str) -> str:
    """A name that nothing else in this run, or in a run before on the same servers, has."""
    return f"{prefix}_{_RUN}_{next(_numbers):04}"


def unused_key(caller: str = "application:a") -> IdempotencyKey:
    return IdempotencyKey(caller, unused("req"))


def user(**changes: Any) -> UserSnapshot:
    values: dict[str, Any] = {
        "user_id": uuid4(),
        "version": 1,
        "is_active": True,
        "email": "john@example.com",
        "language": "en",
        "timezone": "UTC",
        "preferences": ChannelPreferences(),
        "devices": (DeviceAddress(kind=DeviceKind.FCM, token="token-1"),),
    }
    return UserSnapshot(**{**values, **changes})


def template(**changes: Any) -> TemplateSnapshot:
    values: dict[str, Any] = {
        "code": unused("welcome"),
        "row_version": 1,
        "is_active": True,
        "category": "onboarding",
        "default_language": "en",
        "languages": {"en": live_version(3)},
    }
    return TemplateSnapshot(**{**values, **changes})


def live_version(
    version: int = 1,
    *channels: NotificationType,
    required: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
) -> LiveVersion:
    variables = ChannelVariables(required=required, optional=optional)
    return LiveVersion(
        version=version, channels=dict.fromkeys(channels or NotificationType, variables)
    )


def request(**changes: Any) -> NotificationRequest:
    values: dict[str, Any] = {
        "notification_type": NotificationType.EMAIL,
        "user_id": uuid4(),
        "template_code": "welcome",
    }
    return NotificationRequest(**{**values, **changes})


def delivery(**changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "id": uuid7(),
        "recipient": "john@example.com",
        "device_kind": None,
        "status": NotificationStatus.PENDING,
    }
    return Delivery(**{**values, **changes})


def notification(**changes: Any) -> Notification:
    values: dict[str, Any] = {
        "id": uuid7(),
        "client_id": "application:a",
        "request_id": None,
        "notification_type": NotificationType.EMAIL,
        "user_id": uuid4(),
        "template_code": "welcome",
        "template_version": 3,
        "language": "en",
        "category": "onboarding",
        "priority": 4,
        "status": NotificationStatus.PENDING,
        "reason": None,
        "variables": {"name": "John", "nested": {"nothing": None, "list": [1, 2.5, "ü"]}},
        "metadata": {"campaign_id": "spring"},
        "correlation_id": "corr-1",
        "created_at": NOW,
        "updated_at": NOW,
        "deliveries": (delivery(),),
    }
    return Notification(**{**values, **changes})


def message_of(stored: Notification, one: Delivery) -> DeliveryMessage:
    return DeliveryMessage(
        delivery_id=one.id,
        notification_id=public_notification_id(stored.id),
        notification_type=stored.notification_type,
        user_id=stored.user_id,
        client_id=stored.client_id,
        recipient=one.recipient,
        device_kind=one.device_kind,
        template_code=stored.template_code,
        template_version=stored.template_version,
        language=stored.language,
        category=stored.category,
        variables=stored.variables,
        correlation_id=stored.correlation_id,
        priority=stored.priority,
        created_at=stored.created_at,
    )


def acceptance_of(stored: Notification) -> Acceptance:
    return Acceptance(stored.id, stored.status, stored.created_at)


def outcome(
    kind: OutcomeKind = OutcomeKind.SENT,
    *,
    notification_id: UUID | None = None,
    delivery_id: UUID | None = None,
    **changes: Any,
) -> DeliveryOutcome:
    values: dict[str, Any] = {
        "event_id": uuid4(),
        "kind": kind,
        "delivery_id": delivery_id or uuid4(),
        "notification_id": public_notification_id(notification_id or uuid4()),
        "generation": 0,
        "attempt": 1,
        "at": NOW,
        "provider": "smtp",
        "correlation_id": "corr-1",
    }
    return DeliveryOutcome(**{**values, **changes})

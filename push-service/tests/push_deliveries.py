"""Push messages to send, with defaults for everything that a test does not care about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from contracts.delivery_message import DeliveryMessage
from contracts.notification import DeviceKind, NotificationType
from delivery.provider import OutgoingDelivery
from templating import RenderedPush

DELIVERY_ID = UUID("0192f0c0-0000-7000-8000-000000000001")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def a_push(
    *,
    recipient: str = "device-token",
    title: str = "Hello",
    body: str = "World",
    image: str | None = None,
    link: str | None = None,
    data: Mapping[str, str] | None = None,
    notification_id: str = "ntf_1",
    priority: int = 5,
    expires_at: datetime | None = None,
) -> OutgoingDelivery[RenderedPush]:
    message = DeliveryMessage(
        delivery_id=DELIVERY_ID,
        notification_id=notification_id,
        notification_type=NotificationType.PUSH,
        user_id=UUID(int=7),
        client_id="shop",
        recipient=recipient,
        device_kind=DeviceKind.FCM,
        template_code="welcome",
        template_version=1,
        language="en",
        category="account",
        variables={},
        correlation_id="corr-1",
        priority=priority,
        created_at=NOON,
        expires_at=expires_at,
    )
    content = RenderedPush(title, body, image, link, data or {})
    return OutgoingDelivery(message, content, attempt=1)

"""Emails to send, with defaults for everything that a test does not care about."""

from datetime import UTC, datetime
from uuid import UUID

from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationType
from delivery.provider import OutgoingDelivery
from templating import RenderedEmail

DELIVERY_ID = UUID("0192f0c0-0000-7000-8000-000000000001")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def an_email(
    *,
    recipient: str = "jane@example.com",
    subject: str = "Hello",
    html: str = "<p>Hello</p>",
    text: str | None = "Hello",
    notification_id: str = "ntf_1",
    correlation_id: str = "corr-1",
    generation: int = 0,
    attempt: int = 1,
) -> OutgoingDelivery[RenderedEmail]:
    message = DeliveryMessage(
        delivery_id=DELIVERY_ID,
        notification_id=notification_id,
        notification_type=NotificationType.EMAIL,
        user_id=UUID(int=7),
        client_id="shop",
        recipient=recipient,
        template_code="welcome",
        template_version=1,
        language="en",
        category="account",
        variables={},
        correlation_id=correlation_id,
        generation=generation,
        priority=5,
        created_at=NOON,
    )
    return OutgoingDelivery(message, RenderedEmail(subject, html, text), attempt=attempt)

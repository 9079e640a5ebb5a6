"""Deliveries with defaults, to be changed where a test is about it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from contracts.delivery_message import DeliveryMessage
from delivery.recipients import RecipientDigests

DIGESTS = RecipientDigests(b"k" * 32)
START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_delivery(**changes: Any) -> DeliveryMessage:
    values: dict[str, Any] = {
        "delivery_id": uuid4(),
        "notification_id": "notif_1",
        "notification_type": "email",
        "user_id": uuid4(),
        "client_id": "app",
        "recipient": "ada@example.org",
        "template_code": "welcome",
        "template_version": 3,
        "language": "en",
        "category": "transactional",
        "variables": {"name": "Ada"},
        "correlation_id": "c-1",
        "priority": 4,
        "created_at": START,
    }
    return DeliveryMessage.model_validate(values | changes)

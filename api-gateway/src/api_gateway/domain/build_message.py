"""The message of a delivery, whoever builds it: accepted, parked, reconciled or replayed."""

from datetime import datetime

from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification import Delivery, Notification
from contracts.delivery_message import DeliveryMessage


def build_message(
    notification: Notification,
    delivery: Delivery,
    *,
    retry_count: int = 0,
    not_before: datetime | None = None,
) -> DeliveryMessage:
    """The message that carries a delivery to a worker.

    No provider is pinned, and none has failed; who knows better says so in a copy.

    Args:
        notification: The notification that it belongs to.
        delivery: Its address; its generation is the message's.
        retry_count: Attempts that were made in this generation.
        not_before: When the next one is due, if not at once.
    """
    return DeliveryMessage(
        delivery_id=delivery.id,
        notification_id=public_notification_id(notification.id),
        notification_type=notification.notification_type,
        user_id=notification.user_id,
        client_id=notification.client_id,
        recipient=delivery.recipient,
        device_kind=delivery.device_kind,
        template_code=notification.template_code,
        template_version=notification.template_version,
        language=notification.language,
        category=notification.category,
        ambiguous=notification.ambiguous,
        variables=notification.variables,
        request_id=notification.request_id,
        correlation_id=notification.correlation_id,
        traceparent=notification.traceparent,
        priority=notification.priority,
        generation=delivery.generation,
        retry_count=retry_count,
        not_before=not_before,
        metadata=notification.metadata,
        created_at=notification.created_at,
        expires_at=notification.expires_at,
    )

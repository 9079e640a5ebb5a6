"""Which delivery a status report is about, and of which of its generations."""

from dataclasses import dataclass
from uuid import UUID

from contracts.notification import NotificationType


@dataclass(frozen=True)
class KnownDelivery:
    """A delivery that exists, and how often it was replayed."""

    id: UUID
    generation: int


@dataclass(frozen=True)
class KnownNotification:
    """As much of a notification as reports about it are held against."""

    id: UUID
    notification_type: NotificationType
    correlation_id: str
    deliveries: tuple[KnownDelivery, ...]


class UnknownDeliveryError(LookupError):
    """The notification has no such delivery."""


class MisdirectedReportError(ValueError):
    """The report cannot be about this notification as it says; `field` names what is wrong."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code


def reported_delivery(
    notification: KnownNotification,
    *,
    channel: NotificationType,
    delivery_id: UUID | None,
    generation: int | None,
) -> KnownDelivery:
    """The delivery and the generation that a report is about.

    Args:
        notification: The one that it names.
        channel: What it was reported as.
        delivery_id: None: the only one.
        generation: None: the present one.

    Raises:
        UnknownDeliveryError: The delivery is none of this notification's.
        MisdirectedReportError: A field contradicts the notification, or is missing.
    """
    if notification.notification_type is not channel:
        raise MisdirectedReportError(
            "notification_id",
            "wrong_channel",
            f"The notification goes by {notification.notification_type}, not by {channel}.",
        )
    found = _named(notification, delivery_id)
    if generation is None:
        return found
    if generation > found.generation:
        # The highest generation decides: one that has not begun would silence all that follows.
        raise MisdirectedReportError(
            "generation",
            "generation_to_come",
            f"The delivery is in generation {found.generation}.",
        )
    return KnownDelivery(found.id, generation)


def _named(notification: KnownNotification, delivery_id: UUID | None) -> KnownDelivery:
    if delivery_id is not None:
        for one in notification.deliveries:
            if one.id == delivery_id:
                return one
        raise UnknownDeliveryError
    if len(notification.deliveries) != 1:
        raise MisdirectedReportError(
            "delivery_id",
            "missing",
            f"The notification has {len(notification.deliveries)} deliveries; name the one.",
        )
    return notification.deliveries[0]

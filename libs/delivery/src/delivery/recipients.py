"""Names recipients without their addresses: in Redis, in events, in what others store."""

from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationType
from contracts.suppression import SuppressionNotice, SuppressionReason, address_digest


class RecipientDigests:
    """Makes the digests of recipients.

    Args:
        key: `SUPPRESSION_KEY`, shared with user-service.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, message: DeliveryMessage) -> str:
        """The digest of a delivery's recipient."""
        return address_digest(self._key, message.notification_type, message.recipient)

    def hard_bounce(self, message: DeliveryMessage, source: str) -> SuppressionNotice | None:
        """Asks that nothing more be sent to a dead mailbox.

        None for other channels: a device's token that is dead is retired with its device.

        Args:
            message: The delivery that was refused.
            source: The provider that said so.
        """
        if message.notification_type is not NotificationType.EMAIL:
            return None
        return SuppressionNotice(
            notification_type=message.notification_type,
            address_digest=self.of(message),
            reason=SuppressionReason.HARD_BOUNCE,
            source=source,
        )

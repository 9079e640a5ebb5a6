"""Publishes outbox rows to the lanes, many at a time, each with its own confirm."""

from collections.abc import Sequence

from api_gateway.usecases.ports import OutboxMessage
from contracts.delivery_message import HEADER_REPEATED
from contracts.names import NOTIFICATIONS_EXCHANGE
from servicekit.logs import get_logger
from servicekit.publisher import OutgoingMessage, Publisher

_log = get_logger(__name__)


class AmqpMessagePublisher:
    """Implements `usecases.ports.MessagePublisher`."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, messages: Sequence[OutboxMessage]) -> set[int]:
        """Publish all at once; returns the ids of those that the broker confirmed."""
        results = await self._publisher.publish_all([_outgoing(message) for message in messages])
        confirmed = {
            message.id for message, error in zip(messages, results, strict=True) if error is None
        }
        failures = [error for error in results if error is not None]
        if failures:
            _log.warning("outbox.not_confirmed", count=len(failures), error=str(failures[0]))
        return confirmed


def _outgoing(message: OutboxMessage) -> OutgoingMessage:
    return OutgoingMessage(
        exchange=NOTIFICATIONS_EXCHANGE,
        routing_key=message.routing_key,
        body=message.body,
        message_id=str(message.delivery_id),
        correlation_id=message.correlation_id,
        headers={HEADER_REPEATED: True} if message.may_be_repeated else {},
    )

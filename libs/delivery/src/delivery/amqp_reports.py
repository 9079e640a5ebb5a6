"""Publishes outcomes, hops and dead letters to RabbitMQ, and waits for a broker that is away."""

import asyncio
from typing import Final

from contracts.delivery_message import (
    HEADER_DEAD_DETAIL,
    HEADER_DEAD_REASON,
    HEADER_REPEATED,
    DeliveryMessage,
)
from contracts.names import (
    EVENTS_EXCHANGE,
    FAILED_QUEUE,
    NOTIFICATIONS_EXCHANGE,
    RETRY_EXCHANGE,
    TIER_HEADER,
    lane_for,
)
from contracts.outcome import DeliveryOutcome
from delivery.metrics import DeliveryMetrics
from delivery.outcome_publisher import message_of, short_string
from servicekit.logs import get_logger
from servicekit.publisher import OutgoingMessage, Publisher, PublishError

_log = get_logger(__name__)

EXCHANGES: Final = (NOTIFICATIONS_EXCHANGE, RETRY_EXCHANGE, EVENTS_EXCHANGE)
_REPEAT_SECONDS: Final = 1.0
_DETAIL_CHARACTERS: Final = 500


class AmqpReports:
    """Implements `delivery.reports.Reports`."""

    def __init__(self, publisher: Publisher, metrics: DeliveryMetrics) -> None:
        self._publisher = publisher
        self._metrics = metrics

    async def outcome(self, outcome: DeliveryOutcome) -> None:
        """Report an event of a delivery's history."""
        await self._publish(message_of(outcome))

    async def hop(self, message: DeliveryMessage, tier: int) -> None:
        """Send a message round the retry tier of so many seconds, back to its lane."""
        await self._publish(
            OutgoingMessage(
                exchange=RETRY_EXCHANGE,
                routing_key=lane_for(message.notification_type, message.priority),
                body=_body_of(message),
                message_id=str(message.delivery_id),
                correlation_id=short_string(message.correlation_id),
                headers={TIER_HEADER: tier, HEADER_REPEATED: True},
            )
        )

    async def dead_letter(self, message: DeliveryMessage, reason: str, detail: str) -> None:
        """Put a message where an operator can see and replay it."""
        await self.dead_letter_raw(
            _body_of(message),
            reason,
            detail,
            message_id=str(message.delivery_id),
            correlation_id=message.correlation_id,
        )

    async def dead_letter_raw(
        self,
        body: bytes,
        reason: str,
        detail: str,
        *,
        message_id: str,
        correlation_id: str | None,
    ) -> None:
        """The same for a body that may not be a delivery at all."""
        await self._publish(
            OutgoingMessage(
                exchange=NOTIFICATIONS_EXCHANGE,
                routing_key=FAILED_QUEUE,
                body=body,
                message_id=message_id,
                correlation_id=short_string(correlation_id),
                headers={
                    HEADER_DEAD_REASON: reason,
                    HEADER_DEAD_DETAIL: detail[:_DETAIL_CHARACTERS],
                },
            )
        )

    async def _publish(self, message: OutgoingMessage) -> None:
        while True:
            try:
                await self._publisher.publish(message)
            except PublishError as error:
                self._metrics.publish_failures.inc()
                _log.warning(
                    "delivery.publish_repeated",
                    exchange=message.exchange,
                    routing_key=message.routing_key,
                    error=str(error),
                )
                await asyncio.sleep(_REPEAT_SECONDS)
            else:
                return


def _body_of(message: DeliveryMessage) -> bytes:
    return message.model_dump_json(exclude_none=True).encode()

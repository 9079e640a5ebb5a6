"""Publishes outcomes to `notification.events`, as the workers do, and waits for no broker."""

from typing import Final

from contracts.names import EVENTS_EXCHANGE
from contracts.outcome import DeliveryOutcome
from servicekit.errors import UnavailableError
from servicekit.publisher import OutgoingMessage, Publisher, PublishError

_RETRY_AFTER_SECONDS: Final = 10


class AmqpOutcomeReports:
    """Implements `usecases.report_status.OutcomeReports`."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, outcome: DeliveryOutcome) -> None:
        """Return when the broker has confirmed it."""
        message = OutgoingMessage(
            exchange=EVENTS_EXCHANGE,
            routing_key=outcome.routing_key,
            body=outcome.model_dump_json(exclude_none=True).encode(),
            message_id=str(outcome.event_id),
            correlation_id=outcome.correlation_id,
        )
        try:
            await self._publisher.publish(message)
        except PublishError as error:
            msg = "The broker does not take events now."
            raise UnavailableError(msg, retry_after=_RETRY_AFTER_SECONDS) from error

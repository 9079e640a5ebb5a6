"""Publishes outcomes that somebody else reports to us: providers' webhooks, bounces."""

import asyncio
from collections.abc import Sequence
from typing import Final

from contracts.names import EVENTS_EXCHANGE
from contracts.outcome import DeliveryOutcome
from servicekit.errors import UnavailableError
from servicekit.publisher import OutgoingMessage, Publisher, PublishError

_RETRY_AFTER_SECONDS: Final = 10
_SHORT_STRING_BYTES: Final = 255  # AMQP 0-9-1, 4.2.5.3; longer ones cannot be sent


class OutcomePublisher:
    """Publishes outcomes with confirms, and does not wait for a broker that is away.

    Whoever reports is asked to report again: a provider repeats its webhook, an MTA its bounce.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def __call__(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        """Publish all of them.

        Raises:
            UnavailableError: Not all of them were confirmed; repeating those that were is harmless.
        """
        results = await asyncio.gather(
            *(self._publish(outcome) for outcome in outcomes), return_exceptions=True
        )
        for error in results:
            if isinstance(error, PublishError):
                msg = "The broker does not take events now."
                raise UnavailableError(msg, retry_after=_RETRY_AFTER_SECONDS) from error
            if error is not None:
                raise error

    async def _publish(self, outcome: DeliveryOutcome) -> None:
        await self._publisher.publish(message_of(outcome))


def message_of(outcome: DeliveryOutcome) -> OutgoingMessage:
    """An outcome as it goes to `notification.events`."""
    return OutgoingMessage(
        exchange=EVENTS_EXCHANGE,
        routing_key=outcome.routing_key,
        body=outcome.model_dump_json(exclude_none=True).encode(),
        message_id=str(outcome.event_id),
        correlation_id=short_string(outcome.correlation_id),
    )


def short_string(text: str | None) -> str | None:
    """The text as an AMQP property, where it fits; the body has it whole."""
    return text if text is None or len(text.encode()) <= _SHORT_STRING_BYTES else None

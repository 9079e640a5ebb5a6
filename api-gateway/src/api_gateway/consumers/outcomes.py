"""`gateway.outcomes`: has the workers' events recorded, a batch at a time.

A batch is acknowledged after it was recorded; what can never be recorded goes to the dead letters.
Meanwhile the broker keeps what has not been fetched.
"""

import contextlib
from typing import Final

from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError

from api_gateway.consumers.batches import Batch, Batches
from api_gateway.usecases.record_outcomes import RecordOutcomes
from contracts.names import OUTCOMES_QUEUE
from contracts.outcome import DeliveryOutcome
from servicekit.amqp import ConnectionFailed, losses_as_connection_errors
from servicekit.logs import get_logger
from servicekit.subscriber import acknowledge

_log = get_logger(__name__)

BATCH: Final = 200
PREFETCH: Final = 1_000

Received = tuple[AbstractIncomingMessage, DeliveryOutcome]


class OutcomeConsumer:
    """Feeds `RecordOutcomes` from the queue.

    Args:
        amqp_url: `amqp://…`.
        record_outcomes: Records one batch.
    """

    def __init__(self, amqp_url: str, record_outcomes: RecordOutcomes) -> None:
        self._record_outcomes = record_outcomes
        self._batches = Batches(
            amqp_url,
            connection="relay-consume",
            queue=OUTCOMES_QUEUE,
            prefetch=PREFETCH,
            size=BATCH,
            handle=self._handle,
        )

    def start(self) -> None:
        """Begin to consume."""
        self._batches.start()

    async def stop(self) -> None:
        """Stop; what was not recorded is consumed again by the next relay."""
        await self._batches.stop()

    async def check(self) -> None:
        """Raise when no events can come, or when they cannot be recorded."""
        await self._batches.check()
        if self._record_outcomes.trouble is not None:
            raise RuntimeError(self._record_outcomes.trouble)

    async def _handle(self, batch: Batch) -> None:
        received = [item for message in batch if (item := await _read(message)) is not None]
        refused = await self._record_outcomes([outcome for _, outcome in received])
        for message, outcome in received:
            if outcome.event_id in refused:
                await _refuse(message)
            else:
                await acknowledge(message)


async def _read(message: AbstractIncomingMessage) -> Received | None:
    try:
        return message, DeliveryOutcome.model_validate_json(message.body)
    except ValidationError as error:
        _log.error("outcome.unreadable", message_id=message.message_id, errors=error.error_count())
        await _refuse(message)
        return None


async def _refuse(message: AbstractIncomingMessage) -> None:
    """Let the broker move it to the dead letters."""
    with contextlib.suppress(*ConnectionFailed), losses_as_connection_errors():
        await message.reject(requeue=False)

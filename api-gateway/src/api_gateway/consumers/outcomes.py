"""`gateway.outcomes`: gathers the workers' events into batches and has them recorded.

A batch is acknowledged after its transaction has committed. While PostgreSQL is away the batch is
tried again, and the broker keeps what has not been fetched.
"""

import asyncio
import contextlib
from typing import Final

from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError
from pydantic import ValidationError

from api_gateway.usecases.ports import OutcomeRecorder
from contracts.names import OUTCOMES_QUEUE
from contracts.outcome import DeliveryOutcome
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.subscriber import Subscriber, acknowledge

_log = get_logger(__name__)

BATCH: Final = 200
PREFETCH: Final = 1_000
_GATHER_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 1.0

Received = tuple[AbstractIncomingMessage, DeliveryOutcome]


class OutcomeConsumer:
    """Feeds an `OutcomeRecorder` from the queue."""

    def __init__(self, amqp_url: str, recorder: OutcomeRecorder) -> None:
        self._recorder = recorder
        self._received: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.subscriber = Subscriber(
            amqp_url,
            name="relay-consume",
            prefetch={OUTCOMES_QUEUE: PREFETCH},
            receive=self._received.put_nowait,
        )

    def start(self) -> None:
        """Begin to consume."""
        self.subscriber.start()
        self._task = asyncio.create_task(self._run(), name="outcome-consumer")

    async def stop(self) -> None:
        """Stop; what was not recorded is consumed again by the next relay."""
        await self.subscriber.pause()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.subscriber.stop()

    async def _run(self) -> None:
        while True:
            batch = [await self._received.get()]
            await asyncio.sleep(_GATHER_SECONDS)
            while len(batch) < BATCH and not self._received.empty():
                batch.append(self._received.get_nowait())
            await self._record(batch)

    async def _record(self, batch: list[AbstractIncomingMessage]) -> None:
        readable = [item for message in batch if (item := await _read(message)) is not None]
        unknown = await self._record_until_stored([outcome for _, outcome in readable])
        for message, outcome in readable:
            if outcome.event_id in unknown:
                _log.error(
                    "outcome.unknown_delivery",
                    delivery_id=str(outcome.delivery_id),
                    notification_id=outcome.notification_id,
                )
                await _refuse(message)
            else:
                await acknowledge(message)

    async def _record_until_stored(self, outcomes: list[DeliveryOutcome]) -> set[object]:
        while outcomes:
            try:
                return set(await self._recorder.record(outcomes))
            except UnavailableError as error:
                _log.warning("outcomes.not_recorded", count=len(outcomes), error=error.message)
                await asyncio.sleep(_RETRY_SECONDS)
        return set()


async def _read(message: AbstractIncomingMessage) -> Received | None:
    try:
        return message, DeliveryOutcome.model_validate_json(message.body)
    except ValidationError as error:
        _log.error("outcome.unreadable", message_id=message.message_id, errors=error.error_count())
        await _refuse(message)
        return None


async def _refuse(message: AbstractIncomingMessage) -> None:
    """Let the broker move it to the dead letters."""
    with contextlib.suppress(AMQPError, OSError, RuntimeError):
        await message.reject(requeue=False)

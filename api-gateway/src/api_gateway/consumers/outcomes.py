"""`gateway.outcomes`: gathers the workers' events into batches and has them recorded.

A batch is acknowledged after it was recorded; what can never be recorded goes to the dead letters.
Meanwhile the broker keeps what has not been fetched.
"""

import asyncio
import contextlib
from typing import Final

from aio_pika.abc import AbstractIncomingMessage
from pydantic import AwareDatetime, ValidationError

from api_gateway.usecases.record_outcomes import RecordOutcomes
from contracts.names import OUTCOMES_QUEUE
from contracts.outcome import DeliveryOutcome
from servicekit.amqp import ConnectionFailed, losses_as_connection_errors
from servicekit.logs import get_logger
from servicekit.subscriber import Subscriber, acknowledge
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

BATCH: Final = 200
PREFETCH: Final = 1_000
_GATHER_SECONDS: Final = 0.02

Received = tuple[AbstractIncomingMessage, DeliveryOutcome]


class _Outcome(DeliveryOutcome):
    """Times must say their offset: one that does not cannot be put in order among the others."""

    at: AwareDatetime
    next_attempt_at: AwareDatetime | None = None


class OutcomeConsumer:
    """Feeds `RecordOutcomes` from the queue.

    Args:
        amqp_url: `amqp://…`.
        record_outcomes: Records one batch.
    """

    def __init__(self, amqp_url: str, record_outcomes: RecordOutcomes) -> None:
        self._record_outcomes = record_outcomes
        self._received: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._subscriber = Subscriber(
            amqp_url,
            name="relay-consume",
            prefetch={OUTCOMES_QUEUE: PREFETCH},
            receive=self._received.put_nowait,
            lost=self._forget,
        )

    def start(self) -> None:
        """Begin to consume."""
        self._subscriber.start()
        self._task = asyncio.create_task(self._run(), name="outcome-consumer")

    async def stop(self) -> None:
        """Stop; what was not recorded is consumed again by the next relay."""
        await self._subscriber.pause()
        await end_task(self._task)
        await self._subscriber.stop()

    async def check(self) -> None:
        """Raise when no events can come, or when they cannot be recorded."""
        await self._subscriber.check()
        check_running(self._task)
        if self._record_outcomes.trouble is not None:
            raise RuntimeError(self._record_outcomes.trouble)

    def _forget(self) -> None:
        """What was received over a lost connection comes again."""
        while not self._received.empty():
            self._received.get_nowait()

    async def _run(self) -> None:
        while True:
            batch = [await self._received.get()]
            await asyncio.sleep(_GATHER_SECONDS)
            while len(batch) < BATCH and not self._received.empty():
                batch.append(self._received.get_nowait())
            received = [item for message in batch if (item := await _read(message)) is not None]
            refused = await self._record_outcomes([outcome for _, outcome in received])
            for message, outcome in received:
                if outcome.event_id in refused:
                    await _refuse(message)
                else:
                    await acknowledge(message)


async def _read(message: AbstractIncomingMessage) -> Received | None:
    try:
        return message, _Outcome.model_validate_json(message.body)
    except ValidationError as error:
        _log.error("outcome.unreadable", message_id=message.message_id, errors=error.error_count())
        await _refuse(message)
        return None


async def _refuse(message: AbstractIncomingMessage) -> None:
    """Let the broker move it to the dead letters."""
    with contextlib.suppress(*ConnectionFailed), losses_as_connection_errors():
        await message.reject(requeue=False)

"""`gateway.outcomes`: gathers the workers' events into batches and has them recorded.

A batch is acknowledged after its transaction has committed. While PostgreSQL is away the batch is
tried again, and the broker keeps what has not been fetched. An event that can never be recorded
goes to the dead letters alone; the others of its batch do not suffer for it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aio_pika.abc import AbstractIncomingMessage
from pydantic import AwareDatetime, ValidationError

from api_gateway.usecases.ports import OutcomeRecorder, UnstorableOutcomesError
from contracts.names import OUTCOMES_QUEUE
from contracts.outcome import DeliveryOutcome
from servicekit.amqp import ConnectionFailed, losses_as_connection_errors
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.subscriber import Subscriber, acknowledge
from servicekit.tasks import end_task

_log = get_logger(__name__)

BATCH: Final = 200
PREFETCH: Final = 1_000
_GATHER_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 1.0

Received = tuple[AbstractIncomingMessage, DeliveryOutcome]


class _Outcome(DeliveryOutcome):
    """Times must say their offset: one that does not cannot be put in order among the others."""

    at: AwareDatetime
    next_attempt_at: AwareDatetime | None = None


class OutcomeConsumer:
    """Feeds an `OutcomeRecorder` from the queue.

    Args:
        amqp_url: `amqp://…`.
        recorder: Takes the events.
        sleep: Waits, in seconds, before a batch is tried again.
    """

    def __init__(
        self,
        amqp_url: str,
        recorder: OutcomeRecorder,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._recorder = recorder
        self._sleep = sleep
        self._trouble: str | None = None
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
        if self._trouble is not None:
            raise RuntimeError(self._trouble)

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
            readable = [item for message in batch if (item := await _read(message)) is not None]
            await self._record(readable)

    async def _record(self, received: Sequence[Received]) -> None:
        if not received:
            return
        try:
            unknown = await self._record_until_stored([outcome for _, outcome in received])
        except UnstorableOutcomesError as error:
            if len(received) > 1:
                for one in received:
                    await self._record([one])
                return
            [(message, outcome)] = received
            _log.error("outcome.unstorable", **_ids_of(outcome), error=str(error))
            await _refuse(message)
            return
        for message, outcome in received:
            if outcome.event_id in unknown:
                _log.error("outcome.unknown_delivery", **_ids_of(outcome))
                await _refuse(message)
            else:
                await acknowledge(message)

    async def _record_until_stored(self, outcomes: list[DeliveryOutcome]) -> set[object]:
        while True:
            try:
                unknown = await self._recorder.record(outcomes)
            except UnstorableOutcomesError:
                raise
            except UnavailableError as error:
                self._trouble = error.message
                _log.warning("outcomes.not_recorded", count=len(outcomes), error=error.message)
            except Exception as error:
                # A defect, or a database that is not as we know it: nothing may be thrown away,
                # and readiness and log say that nothing moves.
                self._trouble = type(error).__name__
                _log.exception("outcomes.not_recorded", count=len(outcomes))
            else:
                self._trouble = None
                return set(unknown)
            await self._sleep(_RETRY_SECONDS)


def _ids_of(outcome: DeliveryOutcome) -> dict[str, str]:
    return {
        "delivery_id": str(outcome.delivery_id),
        "notification_id": outcome.notification_id,
        "correlation_id": outcome.correlation_id,
    }


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

"""Publishes what the gateway has just committed, in batches, without anybody waiting for it.

Rows that cannot be published in time, or for which there is no room here, stay in the outbox: they
were born leased to the gateway for a few seconds, and the relay takes them after that.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final

from api_gateway.adapters.postgres_notifications import BORN_LEASED
from api_gateway.usecases.ports import MessagePublisher, Outbox, OutboxMessage, Turns
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.publisher import PUBLISH_SECONDS
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

CAPACITY: Final = 2_000
BATCH: Final = 200
PUBLISHED_WITHIN_SECONDS: Final = BORN_LEASED.total_seconds() - PUBLISH_SECONDS
"""A row that waited longer might still be on its way when its lease ends and a relay takes it."""

_DRAIN_SECONDS: Final = 3.0

Offered = tuple[float, OutboxMessage]  # when, by the monotonic clock


class OutboxQueue:
    """Implements `usecases.ports.OutboxPublisher`.

    Args:
        outbox: Where published rows are deleted.
        publisher: Publishes them.
        turns: Says whose rows are taken over.
        drain_seconds: How long `stop` goes on publishing.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        outbox: Outbox,
        publisher: MessagePublisher,
        turns: Turns,
        *,
        drain_seconds: float = _DRAIN_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outbox = outbox
        self._drain_seconds = drain_seconds
        self._publisher = publisher
        self._turns = turns
        self._monotonic = monotonic
        self._waiting: asyncio.Queue[Offered] = asyncio.Queue(CAPACITY)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish."""
        self._task = asyncio.create_task(self._run(), name="outbox-queue")

    async def stop(self) -> None:
        """Publish what waits, for as long as that is quick; the relay has the rest."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), self._drain_seconds)
        await end_task(self._task)

    async def check(self) -> None:
        """Raise when nothing will ever be published here again."""
        check_running(self._task)

    def goes_at_once(self, client_id: str, lane: str) -> bool:
        """Whether one more message of this caller is published here, which counts."""
        return self._turns.goes_at_once(client_id, lane)

    def offer(self, messages: Sequence[OutboxMessage]) -> None:
        """Take rows over; never waits."""
        now = self._monotonic()
        for message in messages:
            try:
                self._waiting.put_nowait((now, message))
            except asyncio.QueueFull:
                return

    async def _run(self) -> None:
        while True:
            taken = [await self._waiting.get()]
            try:
                batch = self._complete(taken)
                if batch:
                    await self._publish(batch)
            finally:
                for _ in taken:
                    self._waiting.task_done()

    def _complete(self, taken: list[Offered]) -> list[OutboxMessage]:
        """Take more until a batch is full; what has waited too long is left to the relay."""
        oldest = self._monotonic() - PUBLISHED_WITHIN_SECONDS
        batch = [message for offered_at, message in taken if offered_at >= oldest]
        while len(batch) < BATCH and not self._waiting.empty():
            offered_at, message = self._waiting.get_nowait()
            taken.append((offered_at, message))
            if offered_at >= oldest:
                batch.append(message)
        if left := len(taken) - len(batch):
            _log.warning("outbox.left_to_relay", count=left)
        return batch

    async def _publish(self, batch: list[OutboxMessage]) -> None:
        try:
            confirmed = await self._publisher.publish(batch)
            if confirmed:
                await self._outbox.published(sorted(confirmed))
        except UnavailableError as error:
            # Published and not marked: the relay publishes once more, and the claim of each
            # delivery recognises the copy.
            _log.warning("outbox.not_marked", error=error.message)
        except Exception:
            # A defect. The relay has this batch, and the next one is a new try.
            _log.exception("outbox.not_published")

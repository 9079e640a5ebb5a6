"""Publishes what the gateway has just committed, in batches, without anybody waiting for it.

Rows that cannot be published, or for which there is no room here, stay in the outbox: they were
born leased to the gateway for a few seconds, and the relay takes them after that.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from api_gateway.usecases.ports import MessagePublisher, Outbox, OutboxMessage
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.tasks import end_task

_log = get_logger(__name__)

CAPACITY: Final = 2_000
BATCH: Final = 200
_DRAIN_SECONDS: Final = 3.0


class OutboxQueue:
    """Implements `usecases.ports.OutboxPublisher`.

    Args:
        outbox: Where published rows are deleted.
        publisher: Publishes them.
        drain_seconds: How long `stop` goes on publishing.
    """

    def __init__(
        self,
        outbox: Outbox,
        publisher: MessagePublisher,
        *,
        drain_seconds: float = _DRAIN_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._drain_seconds = drain_seconds
        self._publisher = publisher
        self._waiting: asyncio.Queue[OutboxMessage] = asyncio.Queue(CAPACITY)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish."""
        self._task = asyncio.create_task(self._run(), name="outbox-queue")

    async def stop(self) -> None:
        """Publish what waits, for as long as that is quick; the relay has the rest."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), self._drain_seconds)
        await end_task(self._task)

    def offer(self, messages: Sequence[OutboxMessage]) -> None:
        """Take rows over; never waits."""
        for message in messages:
            try:
                self._waiting.put_nowait(message)
            except asyncio.QueueFull:
                return

    async def _run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
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
            finally:
                for _ in batch:
                    self._waiting.task_done()

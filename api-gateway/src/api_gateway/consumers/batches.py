"""Gathers the messages of one queue into batches, and has them handled one batch after another."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

from servicekit.subscriber import Subscriber
from servicekit.tasks import check_running, end_task

_GATHER_SECONDS: Final = 0.05

Batch = list[AbstractIncomingMessage]


class Batches:
    """Consumes a queue.

    Args:
        amqp_url: `amqp://…`.
        connection: Shown in the broker's list of connections.
        queue: What to consume.
        prefetch: How many unacknowledged messages may be here at once.
        size: Messages in a batch, at most.
        handle: Handles a batch, and ends each of its messages.
    """

    def __init__(
        self,
        amqp_url: str,
        *,
        connection: str,
        queue: str,
        prefetch: int,
        size: int,
        handle: Callable[[Batch], Awaitable[None]],
    ) -> None:
        self._queue = queue
        self._size = size
        self._handle = handle
        self._received: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._subscriber = Subscriber(
            amqp_url,
            name=connection,
            prefetch={queue: prefetch},
            receive=self._received.put_nowait,
            lost=self._forget,
        )

    def start(self) -> None:
        """Begin to consume."""
        self._subscriber.start()
        self._task = asyncio.create_task(self._run(), name=f"{self._queue}-consumer")

    async def stop(self) -> None:
        """Stop; what was not acknowledged is consumed again by the next process."""
        await self._subscriber.pause()
        await end_task(self._task)
        await self._subscriber.stop()

    async def check(self) -> None:
        """Raise when nothing can come, or when nothing will ever be handled here again."""
        await self._subscriber.check()
        check_running(self._task)

    def _forget(self) -> None:
        """What was received over a lost connection comes again."""
        while not self._received.empty():
            self._received.get_nowait()

    async def _run(self) -> None:
        while True:
            batch = [await self._received.get()]
            await asyncio.sleep(_GATHER_SECONDS)
            while len(batch) < self._size and not self._received.empty():
                batch.append(self._received.get_nowait())
            await self._handle(batch)

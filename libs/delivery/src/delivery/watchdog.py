"""Leaves a process that gets no messages although there are some, so that another takes its place.

Consumers have been seen to die in silence: connected, subscribed, and deaf. Nothing short of a new
process is sure to cure that, and whoever supervises it starts one.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Final

from servicekit.logs import get_logger
from servicekit.subscriber import Subscriber
from servicekit.tasks import end_task

_log = get_logger(__name__)

_LOOKS_PER_PATIENCE: Final = 4


def leave() -> None:
    """Ask this process to stop as an operator would: what is under way is brought to its end."""
    os.kill(os.getpid(), signal.SIGTERM)


class Watchdog:
    """Compares what a worker receives with what waits for it.

    Args:
        subscriber: Where it receives.
        received: Tells how many messages were received since the start.
        could_receive: Tells whether the worker wants more now: it has room, and does not rest.
        seconds: So long it may receive nothing while messages wait.
        leave: Ends the process.
        monotonic: Seconds of a clock that does not jump.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        *,
        received: Callable[[], int],
        could_receive: Callable[[], bool],
        seconds: float,
        leave: Callable[[], None] = leave,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._subscriber = subscriber
        self._received = received
        self._could_receive = could_receive
        self._seconds = seconds
        self._leave = leave
        self._monotonic = monotonic
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="watchdog")

    async def stop(self) -> None:
        """Stop looking."""
        await end_task(self._task)

    async def _run(self) -> None:
        silent_since, seen = self._monotonic(), self._received()
        while True:
            await asyncio.sleep(self._seconds / _LOOKS_PER_PATIENCE)
            now = self._monotonic()
            if self._received() != seen or not self._could_receive() or not await self._waits():
                silent_since, seen = now, self._received()
            elif now - silent_since >= self._seconds:
                _log.critical("worker.deaf", seconds=round(now - silent_since))
                self._leave()
                return

    async def _waits(self) -> bool:
        """Whether there are messages for us; a broker that cannot be asked is another matter."""
        try:
            return await self._subscriber.waiting() > 0
        except (ConnectionError, TimeoutError):
            return False

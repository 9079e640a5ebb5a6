"""What the relay does again and again in the background, whatever went wrong in a round."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class Rounds(ABC):
    """A loop of its own: a round, a pause, the next round.

    Args:
        name: Of the task, for readiness.
        failure: What the log calls a round that failed: `keys.not_deleted`.
        seconds: The pause.
        sleep: Waits, in seconds.
    """

    def __init__(
        self, name: str, *, failure: str, seconds: float, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._name = name
        self._failure = failure
        self._seconds = seconds
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Stop; the next relay goes on."""
        await end_task(self._task)

    async def check(self) -> None:
        """Raise when there will never be a round here again."""
        check_running(self._task)

    @abstractmethod
    async def _work(self) -> bool:
        """Do what one round does; returns whether the next one should follow at once."""

    async def _run(self) -> None:
        while True:
            is_more = False
            try:
                is_more = await self._work()
            except UnavailableError as error:
                _log.warning(self._failure, error=error.message)
            except Exception:
                # A defect, or a database that is not as we know it. The next round is a new try,
                # and a loop that has ended without a word would be worse.
                _log.exception(self._failure)
            if not is_more:
                await self._sleep(self._seconds)

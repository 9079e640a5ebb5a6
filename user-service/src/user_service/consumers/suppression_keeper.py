"""Lets what Redis says of suppressions be put right: at the start, every ten minutes, and within
seconds where Redis was away or lost its memory.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

LOOK_SECONDS: Final = 5.0
LOOKS: Final = 120
"""After so many looks that found nothing to do there is a round all the same."""


class KeepingSuppressions(Protocol):
    """`KeepSuppressions`."""

    async def __call__(self) -> None:
        """Put all right."""
        ...

    async def is_needed(self) -> bool:
        """Whether the next round should not wait."""
        ...


class SuppressionKeeper:
    """Runs `KeepSuppressions` again and again.

    Args:
        keep_suppressions: Puts all right, once.
        sleep: Waits, in seconds, before the next look.
    """

    def __init__(
        self,
        keep_suppressions: KeepingSuppressions,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._keep_suppressions = keep_suppressions
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with the first round."""
        self._task = asyncio.create_task(self._run(), name="suppression-keeper")

    async def stop(self) -> None:
        """Stop; a round may end anywhere."""
        await end_task(self._task)

    async def check(self) -> None:
        """Raise when nothing will ever be put right here again."""
        check_running(self._task)

    async def _run(self) -> None:
        while True:
            looks = LOOKS if await self._is_round_complete() else 1
            for _ in range(looks):
                await self._sleep(LOOK_SECONDS)
                if await self._keep_suppressions.is_needed():
                    break

    async def _is_round_complete(self) -> bool:
        try:
            await self._keep_suppressions()
        except UnavailableError as error:
            _log.warning("suppressions.not_kept", error=error.message)
        except Exception:
            # A defect, or a database that is not as we know it; the next round is a new try.
            _log.exception("suppressions.not_kept")
        else:
            return True
        return False

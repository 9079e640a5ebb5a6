"""Record what a worker or a provider found out about an address, whatever the database says.

While it is away the same is tried again: the broker keeps what has not been acknowledged, and
nothing that was found out may be lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from user_service.domain.suppression import Suppression, suppress_unless_old
from user_service.usecases.change_suppression import ChangeSuppression

_log = get_logger(__name__)

_RETRY_SECONDS: Final = 1.0


class RecordSuppression:
    """Keeps what was heard; repeating it changes nothing.

    Args:
        change: Stores a decision, and tells gateway and workers.
        now: Decides what is still in force.
        sleep: Waits, in seconds, before it is tried again.
    """

    def __init__(
        self,
        change: ChangeSuppression,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._change = change
        self._now = now
        self._sleep = sleep
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why the present one could not be recorded so far; None: nothing is wrong."""
        return self._trouble

    async def __call__(self, heard: Suppression) -> None:
        """Returns when it is stored for good, and was told."""
        while True:
            try:
                await self._change(
                    heard.address_digest,
                    lambda held: suppress_unless_old(held, heard, self._now()),
                )
            except UnavailableError as error:
                self._trouble = error.message
                _log.warning("suppression.not_recorded", error=error.message)
            except Exception as error:
                # A defect, or a database that is not as we know it: nothing may be thrown away,
                # and readiness and log say that nothing moves.
                self._trouble = type(error).__name__
                _log.exception("suppression.not_recorded")
            else:
                self._trouble = None
                return
            await self._sleep(_RETRY_SECONDS)

"""Lets the relay delete expired idempotency keys once a minute."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from api_gateway.usecases.delete_expired_keys import DeleteExpiredKeys
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

_INTERVAL_SECONDS: Final = 60.0


class KeySweeper:
    """Runs `DeleteExpiredKeys` again and again.

    Args:
        delete_expired_keys: Deletes all that have expired.
        sleep: Waits, in seconds, before the next round.
    """

    def __init__(
        self,
        delete_expired_keys: DeleteExpiredKeys,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._delete_expired_keys = delete_expired_keys
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to delete."""
        self._task = asyncio.create_task(self._run(), name="key-sweeper")

    async def stop(self) -> None:
        """Stop; the next relay goes on."""
        await end_task(self._task)

    async def check(self) -> None:
        """Raise when nothing will ever be deleted here again."""
        check_running(self._task)

    async def _run(self) -> None:
        while True:
            try:
                if deleted := await self._delete_expired_keys():
                    _log.info("keys.deleted", count=deleted)
            except UnavailableError as error:
                _log.warning("keys.not_deleted", error=error.message)
            except Exception:
                # A defect, or a database that is not as we know it; the next round is a new try.
                _log.exception("keys.not_deleted")
            await self._sleep(_INTERVAL_SECONDS)

"""Lets the relay delete expired idempotency keys once a minute."""

import asyncio
from typing import Final

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.usecases.delete_expired_keys import DeleteExpiredKeys
from servicekit.logs import get_logger

_log = get_logger(__name__)

_INTERVAL_SECONDS: Final = 60.0


class KeySweeper(Rounds):
    """Runs `DeleteExpiredKeys` again and again.

    Args:
        delete_expired_keys: Deletes all that have expired.
        sleep: Waits, in seconds, before the next round.
    """

    def __init__(
        self, delete_expired_keys: DeleteExpiredKeys, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        super().__init__(
            "key-sweeper", failure="keys.not_deleted", seconds=_INTERVAL_SECONDS, sleep=sleep
        )
        self._delete_expired_keys = delete_expired_keys

    async def _work(self) -> bool:
        if deleted := await self._delete_expired_keys():
            _log.info("keys.deleted", count=deleted)
        return False

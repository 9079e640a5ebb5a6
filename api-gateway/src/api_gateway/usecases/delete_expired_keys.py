"""Delete idempotency keys that have expired; else each request would leave a row for ever."""

from typing import Final

from api_gateway.usecases.relay_ports import ExpiredKeys

BATCH: Final = 1_000


class DeleteExpiredKeys:
    """Deletes batch by batch, so that no transaction holds many locks."""

    def __init__(self, keys: ExpiredKeys) -> None:
        self._keys = keys

    async def __call__(self) -> int:
        """Delete all that have expired; returns how many it were."""
        total = 0
        while True:
            deleted = await self._keys.delete(BATCH)
            total += deleted
            if deleted < BATCH:
                return total

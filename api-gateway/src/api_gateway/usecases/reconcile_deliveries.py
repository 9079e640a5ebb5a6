"""Publish again what is pending and silent for too long, in case that its message was lost.

Safe to run in any number of processes and as often as one likes: the claim of a delivery recognises
a copy, and a delivery that is merely slow loses nothing by one.
"""

from typing import Final

from api_gateway.usecases.relay_ports import SilentDeliveries

BATCH: Final = 100
BATCHES_PER_ROUND: Final = 5
"""A backlog makes many deliveries silent that are not lost; to publish all would double it."""


class ReconcileDeliveries:
    """Reconciles batch by batch, and so many in a round at most."""

    def __init__(self, silent: SilentDeliveries) -> None:
        self._silent = silent

    async def __call__(self) -> int:
        """Publish again what has been silent longest; returns how many it were."""
        total = 0
        for _ in range(BATCHES_PER_ROUND):
            published = await self._silent.publish_again(BATCH)
            total += published
            if published < BATCH:
                break
        return total

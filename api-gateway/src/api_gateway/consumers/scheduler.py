"""Lets the relay release what is due, twice a second, and at full speed while more is due."""

import asyncio
from typing import Final

from prometheus_client import Counter

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.usecases.release_scheduled import BATCH, ReleaseScheduled
from servicekit.metrics import Metrics

_IDLE_SECONDS: Final = 0.5


class Scheduler(Rounds):
    """Runs `ReleaseScheduled` again and again.

    Args:
        release_scheduled: Releases one batch.
        metrics: Counts what was due.
        sleep: Waits, in seconds, before looking again.
    """

    def __init__(
        self, release_scheduled: ReleaseScheduled, metrics: Metrics, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        super().__init__(
            "scheduler", failure="schedule.not_released", seconds=_IDLE_SECONDS, sleep=sleep
        )
        self._release_scheduled = release_scheduled
        self._due = Counter(
            "scheduled_due_total",
            "Notifications whose time had come when the relay looked.",
            registry=metrics.registry,
        )

    async def _work(self) -> bool:
        due = await self._release_scheduled()
        self._due.inc(due)
        return due == BATCH

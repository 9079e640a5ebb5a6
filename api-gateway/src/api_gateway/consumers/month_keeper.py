"""Lets the relay keep the months of the history: those to come, and those to go."""

import asyncio
from typing import Final

from prometheus_client import Counter

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.usecases.keep_months import KeepMonths
from servicekit.logs import get_logger
from servicekit.metrics import Metrics

_log = get_logger(__name__)

_INTERVAL_SECONDS: Final = 600.0


class MonthKeeper(Rounds):
    """Runs `KeepMonths` again and again.

    Args:
        keep_months: Does one round.
        metrics: Counts what was dropped.
        sleep: Waits, in seconds, before the next round.
    """

    def __init__(
        self, keep_months: KeepMonths, metrics: Metrics, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        super().__init__(
            "month-keeper", failure="months.not_kept", seconds=_INTERVAL_SECONDS, sleep=sleep
        )
        self._keep_months = keep_months
        self._dropped = Counter(
            "history_months_dropped_total",
            "Months of the history that were dropped because they are too old.",
            registry=metrics.registry,
        )
        self._deleted = Counter(
            "history_notifications_deleted_total",
            "Notifications that are too old, and were deleted one by one.",
            registry=metrics.registry,
        )

    async def _work(self) -> bool:
        kept = await self._keep_months()
        for month in kept.created:
            _log.info("month.created", month=str(month))
        for month, unfinished in kept.dropped.items():
            self._dropped.inc()
            _log.info("month.dropped", month=str(month), kept_unfinished=unfinished)
        if kept.deleted or kept.batches:
            self._deleted.inc(kept.deleted)
            _log.info("history.deleted", notifications=kept.deleted, batches=kept.batches)
        for month in kept.busy:
            _log.warning("month.busy", month=str(month))
        return False

"""Lets the relay publish again what has been silent for too long, once a minute."""

import asyncio
from datetime import timedelta
from typing import Final

from prometheus_client import Counter

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.usecases.reconcile_deliveries import ReconcileDeliveries
from servicekit.logs import get_logger
from servicekit.metrics import Metrics

_log = get_logger(__name__)

_INTERVAL_SECONDS: Final = 60.0
_ROUNDS_PER_SILENCE: Final = 4


class Reconciler(Rounds):
    """Runs `ReconcileDeliveries` again and again.

    Args:
        reconcile_deliveries: Does one round.
        metrics: Counts what was published again.
        reconcile_after: How long a delivery may be silent; rounds are at least four times as often.
        sleep: Waits, in seconds, before the next round.
    """

    def __init__(
        self,
        reconcile_deliveries: ReconcileDeliveries,
        metrics: Metrics,
        *,
        reconcile_after: timedelta,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(
            "reconciler",
            failure="deliveries.not_reconciled",
            seconds=min(_INTERVAL_SECONDS, reconcile_after.total_seconds() / _ROUNDS_PER_SILENCE),
            sleep=sleep,
        )
        self._reconcile_deliveries = reconcile_deliveries
        self._reconciled = Counter(
            "deliveries_reconciled_total",
            "Deliveries that were published again because nothing was heard of them.",
            registry=metrics.registry,
        )

    async def _work(self) -> bool:
        if count := await self._reconcile_deliveries():
            self._reconciled.inc(count)
            _log.warning("deliveries.reconciled", count=count)
        return False

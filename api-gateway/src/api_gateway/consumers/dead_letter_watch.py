"""Lets the relay show how many dead letters wait for an operator, and since when."""

import asyncio
from typing import Final

from prometheus_client import Gauge

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.usecases.relay_ports import DeadLetterGauge
from servicekit.metrics import Metrics

_INTERVAL_SECONDS: Final = 15.0


class DeadLetterWatch(Rounds):
    """Measures again and again, so that reading the metrics costs no query.

    Args:
        gauge: Measures once.
        metrics: Where the figures are shown.
        sleep: Waits, in seconds, before the next round.
    """

    def __init__(
        self, gauge: DeadLetterGauge, metrics: Metrics, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        super().__init__(
            "dead-letter-watch",
            failure="dead_letters.not_measured",
            seconds=_INTERVAL_SECONDS,
            sleep=sleep,
        )
        self._gauge = gauge
        self._open = Gauge(
            "dead_letters_open",
            "Dead letters that were neither replayed nor discarded; exact up to 10,000.",
            registry=metrics.registry,
        )
        self._oldest = Gauge(
            "dead_letters_oldest_seconds",
            "How long the oldest open dead letter has been waiting.",
            registry=metrics.registry,
        )

    async def _work(self) -> bool:
        backlog = await self._gauge.measure()
        self._open.set(backlog.count)
        self._oldest.set(backlog.oldest_seconds)
        return False

"""Lets the relay publish the outbox: at full speed while there are rows, looking up otherwise."""

import asyncio
from typing import Final

from prometheus_client import Counter

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.usecases.relay_outbox import RelayOutbox
from servicekit.metrics import Metrics

_IDLE_SECONDS: Final = 0.5


class OutboxPoller(Rounds):
    """Runs `RelayOutbox` again and again.

    Args:
        relay_outbox: Publishes one batch.
        metrics: Counts what was published.
        sleep: Waits, in seconds, before looking again.
    """

    def __init__(
        self, relay_outbox: RelayOutbox, metrics: Metrics, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        super().__init__(
            "outbox-poller", failure="outbox.not_relayed", seconds=_IDLE_SECONDS, sleep=sleep
        )
        self._relay_outbox = relay_outbox
        self._relayed = Counter(
            "outbox_relayed_total",
            "Rows that the relay published in the gateway's place.",
            registry=metrics.registry,
        )

    async def _work(self) -> bool:
        _, confirmed = await self._relay_outbox()
        self._relayed.inc(confirmed)
        return confirmed > 0

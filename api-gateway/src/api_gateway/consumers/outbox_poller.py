"""Lets the relay publish the outbox: round after round while rows wait, looking up otherwise."""

import asyncio
from typing import Final

from prometheus_client import Counter

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.usecases.relay_outbox import RelayOutbox
from servicekit.metrics import Metrics

_IDLE_SECONDS: Final = 0.2
_PRESSING_SECONDS: Final = 0.02
"""A lane is refilled this often, so it need hold no more than workers take in that time."""


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
        self._pause = sleep
        self._relayed = Counter(
            "outbox_relayed_total",
            "Rows that the relay published: those that waited for a turn, or were left behind.",
            registry=metrics.registry,
        )

    async def _work(self) -> bool:
        done = await self._relay_outbox()
        self._relayed.inc(done.confirmed)
        if not (done.is_pressing or done.confirmed):
            return False
        await self._pause(_PRESSING_SECONDS)
        return True

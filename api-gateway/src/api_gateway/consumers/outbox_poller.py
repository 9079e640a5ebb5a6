"""Lets the relay publish the outbox: at full speed while there are rows, looking up otherwise."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import Counter

from api_gateway.usecases.relay_outbox import RelayOutbox
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.metrics import Metrics
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

_IDLE_SECONDS: Final = 0.5


class OutboxPoller:
    """Runs `RelayOutbox` again and again.

    Args:
        relay_outbox: Publishes one batch.
        metrics: Counts what was published.
        sleep: Waits, in seconds, before looking again.
    """

    def __init__(
        self,
        relay_outbox: RelayOutbox,
        metrics: Metrics,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._relay_outbox = relay_outbox
        self._sleep = sleep
        self._relayed = Counter(
            "outbox_relayed_total",
            "Rows that the relay published in the gateway's place.",
            registry=metrics.registry,
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish."""
        self._task = asyncio.create_task(self._run(), name="outbox-poller")

    async def stop(self) -> None:
        """Stop; leases run out by themselves."""
        await end_task(self._task)

    async def check(self) -> None:
        """Raise when nothing will ever be published here again."""
        check_running(self._task)

    async def _run(self) -> None:
        while True:
            confirmed = 0
            try:
                _, confirmed = await self._relay_outbox()
            except UnavailableError as error:
                _log.warning("outbox.not_relayed", error=error.message)
            except Exception:
                # A defect, or a database that is not as we know it. Rows lose nothing by waiting,
                # and a relay that has stopped without a word would be worse.
                _log.exception("outbox.not_relayed")
            self._relayed.inc(confirmed)
            if not confirmed:
                await self._sleep(_IDLE_SECONDS)

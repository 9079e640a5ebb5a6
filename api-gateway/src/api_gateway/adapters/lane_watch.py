"""Whose messages a gateway process publishes at once, by what it sees of lanes and outbox.

Looked at several times a second, in the background, so that accepting costs a comparison only.
While the broker or the database cannot be asked, what was seen last stays in force, and callers
who have used up their windows wait for their turn.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from api_gateway.adapters.outbox_turns import WAITING_CALLERS
from api_gateway.domain.turns import LaneWindow
from api_gateway.usecases.relay_ports import LaneDepths
from contracts.names import LANES
from servicekit.database import Database
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

INTERVAL_SECONDS: Final = 0.25


class LaneWatch:
    """Implements `usecases.ports.Turns`.

    Args:
        database: Where rows wait for their turn.
        depths: Says how much waits in the lanes.
        window: Messages of one caller and lane that go at once between two looks; 0: all do.
        sleep: Waits, in seconds, before the next look.
    """

    def __init__(
        self,
        database: Database,
        depths: LaneDepths,
        *,
        window: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._database = database
        self._depths = depths
        self._windows = {lane: LaneWindow(window) for lane in LANES}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="lane-watch")

    async def stop(self) -> None:
        """Stop looking."""
        await end_task(self._task)

    async def check(self) -> None:
        """Raise when nobody looks any more."""
        check_running(self._task)

    def goes_at_once(self, client_id: str, lane: str) -> bool:
        """Whether one more message of this caller is published at once, which counts."""
        return self._windows[lane].goes_at_once(client_id)

    async def look(self) -> None:
        """Look once at the lanes that are in use.

        Raises:
            UnavailableError: The broker or the database is away.
        """
        lanes = [lane for lane, window in self._windows.items() if window.is_in_use]
        if not lanes:
            return
        ready = await self._depths.ready_counts(lanes)
        waiting: dict[str, set[str]] = defaultdict(set)
        async with self._database.statement() as connection:
            for row in await connection.exec_driver_sql(WAITING_CALLERS, (lanes,)):
                waiting[row.lane].add(row.client_id)
        for lane in lanes:
            self._windows[lane].measured(ready[lane], waiting[lane])

    async def _run(self) -> None:
        said = None
        while True:
            try:
                await self.look()
                said = None
            except UnavailableError as error:
                if error.message != said:
                    _log.warning("lanes.not_seen", error=error.message)
                said = error.message
            except Exception:
                # A defect. What was seen last stays in force.
                _log.exception("lanes.not_seen")
            await self._sleep(INTERVAL_SECONDS)

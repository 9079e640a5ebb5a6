"""Refuses new notifications while too much waits to be published.

Measured every few seconds in the background, so that accepting costs a comparison only. Whether
there are many rows is the planner's estimate; rows are counted only while it says so.
Parked rows, whose time has not come, are no backlog: a row's `stored_at` is the first moment in
which it could be published.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from sqlalchemy import ARRAY, Integer, Text, bindparam, func, select, text

from api_gateway.adapters.outbox_turns import OVER_BOUND
from api_gateway.adapters.tables import outbox
from contracts.error_codes import ErrorCode
from contracts.names import LANES
from servicekit.amqp import MissingTopologyError
from servicekit.database import Database
from servicekit.errors import RateLimitedError, UnavailableError
from servicekit.logs import get_logger
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

MAX_AGE: Final = timedelta(minutes=10)
MAX_ROWS: Final = 1_000_000
_INTERVAL_SECONDS: Final = 2.0
_RETRY_AFTER_SECONDS: Final = 30
_TOO_MANY_ROWS: Final = select(func.count() > bindparam("rows")).select_from(
    select(outbox.c.id)
    .where(outbox.c.stored_at <= func.now())
    .limit(bindparam("rows", type_=Integer) + 1)
    .subquery()
)
# Of each lane the one that has waited longest, by the database's clock alone: ours may be wrong.
_OLDEST_SECONDS: Final = text("""
SELECT extract(epoch FROM now() - min(stored_at)) FROM unnest(:lanes) AS l(lane),
    LATERAL (
        SELECT stored_at FROM outbox WHERE routing_key = lane ORDER BY stored_at LIMIT 1
    ) AS oldest
""").bindparams(bindparam("lanes", list(LANES), type_=ARRAY(Text)))
_ESTIMATED_ROWS: Final = text("SELECT n_live_tup FROM pg_stat_user_tables WHERE relname = 'outbox'")


class BacklogGauge:
    """Implements `usecases.ports.Admission`.

    Args:
        database: Where the rows wait.
        check_broker: Raises while the broker is away: only then is it a matter of time how long
            rows wait. Otherwise they do because their callers send more than the workers take.
        most_of_a_caller: So many rows of one caller may be due.
    """

    def __init__(
        self,
        database: Database,
        check_broker: Callable[[], Awaitable[None]],
        *,
        most_of_a_caller: int,
    ) -> None:
        self._database = database
        self._check_broker = check_broker
        self._most_of_a_caller = most_of_a_caller
        self._refusal: str | None = None
        self._over_bound: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._task = asyncio.create_task(self._run(), name="backlog-gauge")

    async def stop(self) -> None:
        """Stop measuring."""
        await end_task(self._task)

    def check(self, client_id: str) -> None:
        """Raise when too much is waiting, of this caller or of all."""
        if client_id in self._over_bound:
            raise RateLimitedError(
                f"More than {self._most_of_a_caller} of your notifications wait to be sent.",
                code=ErrorCode.TOO_MANY_WAITING,
                retry_after=_RETRY_AFTER_SECONDS,
            )
        if self._refusal is not None:
            raise UnavailableError(
                self._refusal, code=ErrorCode.OVERLOADED, retry_after=_RETRY_AFTER_SECONDS
            )

    async def check_measuring(self) -> None:
        """Raise when what was measured last would stay in force for ever."""
        check_running(self._task)

    async def measure(self) -> None:
        """Look at the outbox once."""
        async with self._database.transaction() as connection:
            rows = await connection.scalar(_ESTIMATED_ROWS) or 0
            seconds = await connection.scalar(_OLDEST_SECONDS) or 0
            over_bound: list[str] = []
            if rows > self._most_of_a_caller:
                bound = (list(LANES), self._most_of_a_caller)
                over_bound += (await connection.exec_driver_sql(OVER_BOUND, bound)).scalars()
            if rows > MAX_ROWS and not await connection.scalar(_TOO_MANY_ROWS, {"rows": MAX_ROWS}):
                rows = 0  # so many are parked
        self._over_bound = frozenset(over_bound)
        if seconds > MAX_AGE.total_seconds() and await self._is_broker_away():
            self._refusal = f"Notifications have waited {int(seconds)} s to be sent."
        elif rows > MAX_ROWS:
            self._refusal = f"About {rows} notifications wait to be sent."
        else:
            self._refusal = None

    async def _is_broker_away(self) -> bool:
        try:
            await self._check_broker()
        except (ConnectionError, MissingTopologyError):
            return True
        return False

    async def _run(self) -> None:
        while True:
            try:
                await self.measure()
            except UnavailableError as error:
                _log.warning("backlog.not_measured", error=error.message)
            except Exception:
                # A defect. What was measured last stays in force.
                _log.exception("backlog.not_measured")
            await asyncio.sleep(_INTERVAL_SECONDS)

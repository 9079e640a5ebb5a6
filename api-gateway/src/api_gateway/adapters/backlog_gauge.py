"""Refuses new notifications while too much waits to be published.

Measured every few seconds in the background, so that accepting costs a comparison only. The number
of rows is the planner's estimate: counting a million rows is how a backlog becomes an outage.
Parked rows, whose time has not come, are no backlog: a row's `stored_at` is the first moment in
which it could be published.
"""

import asyncio
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, text

from api_gateway.adapters.tables import outbox
from contracts.error_codes import ErrorCode
from servicekit.database import Database
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.tasks import check_running, end_task

_log = get_logger(__name__)

MAX_AGE: Final = timedelta(minutes=10)
MAX_ROWS: Final = 1_000_000
_INTERVAL_SECONDS: Final = 2.0
_RETRY_AFTER_SECONDS: Final = 30
# Reads an index, and only while the estimate says that there are too many rows.
_ROW_TOO_MANY: Final = (
    select(outbox.c.stored_at)
    .where(outbox.c.stored_at <= func.now())
    .order_by(outbox.c.stored_at)
    .offset(MAX_ROWS)
    .limit(1)
)
_ESTIMATED_ROWS: Final = text("SELECT n_live_tup FROM pg_stat_user_tables WHERE relname = 'outbox'")


class BacklogGauge:
    """Implements `usecases.ports.Admission`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._refusal: str | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._task = asyncio.create_task(self._run(), name="backlog-gauge")

    async def stop(self) -> None:
        """Stop measuring."""
        await end_task(self._task)

    def check(self) -> None:
        """Raise when too much is waiting."""
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
            # By the database's clock alone, so that ours may be wrong.
            waited = func.extract("epoch", func.now() - outbox.c.stored_at)
            oldest = select(waited).order_by(outbox.c.stored_at).limit(1)
            seconds = await connection.scalar(oldest) or 0
            rows = await connection.scalar(_ESTIMATED_ROWS) or 0
            if rows > MAX_ROWS and await connection.scalar(_ROW_TOO_MANY) is None:
                rows = 0  # so many are parked
        if seconds > MAX_AGE.total_seconds():
            self._refusal = f"Notifications have waited {int(seconds)} s to be sent."
        elif rows > MAX_ROWS:
            self._refusal = f"About {rows} notifications wait to be sent."
        else:
            self._refusal = None

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

"""Measures the open dead letters by their index, without ever counting all of very many."""

from typing import Final

from sqlalchemy import func, literal_column, select

from api_gateway.adapters.tables import dead_letters
from api_gateway.usecases.relay_ports import DeadLetterBacklog
from servicekit.database import Database

COUNTED_ROWS: Final = 10_000

_OPEN: Final = dead_letters.c.state == literal_column("'open'")
_COUNTED: Final = select(dead_letters.c.id).where(_OPEN).limit(COUNTED_ROWS).subquery()
_COUNT: Final = select(func.count()).select_from(_COUNTED)
_OLDEST: Final = (
    select(func.extract("epoch", func.now() - dead_letters.c.received_at))
    .where(_OPEN)
    .order_by(dead_letters.c.received_at)
    .limit(1)
)


class PostgresDeadLetterGauge:
    """Implements `usecases.relay_ports.DeadLetterGauge`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def measure(self) -> DeadLetterBacklog:
        """Look once."""
        async with self._database.transaction() as connection:
            count = await connection.scalar(_COUNT) or 0
            oldest = await connection.scalar(_OLDEST) or 0
            return DeadLetterBacklog(count, max(0.0, float(oldest)))

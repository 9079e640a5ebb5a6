"""The outbox: rows that wait to be published, each leased to one process at a time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import func, update

from api_gateway.adapters.outbox_turns import LEASE
from api_gateway.adapters.tables import outbox
from api_gateway.usecases.ports import OutboxMessage
from servicekit.database import Database

LEASED: Final = timedelta(seconds=30)
TRY_AGAIN_AFTER: Final = timedelta(seconds=1)
_PUBLISHED: Final = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"


class PostgresOutbox:
    """Implements `usecases.ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, room: Mapping[str, int]) -> list[OutboxMessage]:
        """Take rows that nobody works on, callers in turn, and keep others away for a while."""
        async with self._database.statement() as connection:
            rows = await connection.exec_driver_sql(LEASE, (list(room), [*room.values()], LEASED))
            return [
                OutboxMessage(
                    *(row.id, row.routing_key, row.body, row.delivery_id, row.correlation_id),
                    # The gateway, or a relay before us, may have published it and died.
                    may_be_repeated=not row.is_fresh,
                )
                for row in sorted(rows, key=lambda row: (row.turn, row.id))
            ]

    async def published(self, ids: Sequence[int]) -> None:
        """Forget rows that the broker has confirmed."""
        async with self._database.statement() as connection:
            await connection.exec_driver_sql(_PUBLISHED, ([*ids],))

    async def give_back(self, ids: Sequence[int]) -> None:
        """Let anybody try rows again soon that could not be published."""
        async with self._database.transaction() as connection:
            await connection.execute(
                update(outbox)
                .where(outbox.c.id.in_(ids))
                .values(leased_until=func.now() + TRY_AGAIN_AFTER)
            )

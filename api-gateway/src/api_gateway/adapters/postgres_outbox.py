"""The outbox: rows that wait to be published, each leased to one process at a time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select, update

from api_gateway.adapters.tables import outbox
from api_gateway.usecases.ports import OutboxMessage
from servicekit.database import Database

RELAY_LEASE: Final = timedelta(seconds=30)
TRY_AGAIN_AFTER: Final = timedelta(seconds=1)


class PostgresOutbox:
    """Implements `usecases.ports.Outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, limit: int) -> list[OutboxMessage]:
        """Take the oldest rows that nobody works on, and keep others away from them for a while."""
        free = (
            select(outbox.c.id)
            .where(outbox.c.leased_until < func.now())
            .order_by(outbox.c.leased_until, outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            # A CTE runs once; a subquery in IN may run for each row, and lock beyond its limit.
            .cte("free")
        )
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                update(outbox)
                .where(outbox.c.id.in_(select(free.c.id)))
                .values(leased_until=func.now() + RELAY_LEASE)
                .returning(outbox)
            )
            return sorted(
                (
                    OutboxMessage(
                        row.id,
                        row.routing_key,
                        row.body,
                        row.delivery_id,
                        row.correlation_id,
                        # The gateway, or a relay before us, may have published it and died.
                        may_be_repeated=True,
                    )
                    for row in rows
                ),
                key=lambda message: message.id,
            )

    async def published(self, ids: Sequence[int]) -> None:
        """Forget rows that the broker has confirmed."""
        async with self._database.transaction() as connection:
            await connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))

    async def give_back(self, ids: Sequence[int]) -> None:
        """Let anybody try rows again soon that could not be published."""
        async with self._database.transaction() as connection:
            await connection.execute(
                update(outbox)
                .where(outbox.c.id.in_(ids))
                .values(leased_until=func.now() + TRY_AGAIN_AFTER)
            )

"""Erases variables whose time is over, beside any number of relays that do the same."""

from sqlalchemy import func, select, update

from api_gateway.adapters.erasing import NOTHING, erase_bodies
from api_gateway.adapters.outcome_statements import among_ids, id_arguments
from api_gateway.adapters.tables import dead_letters, notifications
from api_gateway.domain.erasure import REPLAYABLE_FOR
from servicekit.database import Database


class PostgresDueErasures:
    """Implements `usecases.history_ports.DueErasures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase_notifications(self, limit: int) -> int:
        """Erase those that are due longest; returns how many it were."""
        due = (
            select(notifications.c.id)
            .where(notifications.c.erase_at < func.now())
            .order_by(notifications.c.erase_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.transaction() as connection:
            ids = (await connection.scalars(due)).all()
            if ids:
                await connection.execute(
                    update(notifications)
                    .where(among_ids(notifications.c.id))
                    .values(variables=NOTHING, erase_at=None),
                    id_arguments(ids),
                )
            return len(ids)

    async def erase_dead_letters(self, limit: int) -> int:
        """Erase those that were received longest ago; returns how many it were."""
        letter = dead_letters.c
        due = (
            select(letter.id, letter.body)
            .where(letter.erased_at.is_(None), letter.received_at < func.now() - REPLAYABLE_FOR)
            .order_by(letter.received_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(due)).all()
            if rows:
                await erase_bodies(connection, {row.id: row.body for row in rows})
            return len(rows)

"""Reads batches, with the states of their notifications."""

from uuid import UUID

from sqlalchemy import func, select

from api_gateway.adapters.tables import batches, notifications
from api_gateway.domain.batch import Batch, BatchProgress
from contracts.notification import NotificationStatus
from servicekit.database import Database


class PostgresBatchHistory:
    """Implements `usecases.ports.BatchHistory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, batch_id: UUID) -> BatchProgress | None:
        """A batch, with the states of its notifications."""
        async with self._database.transaction() as connection:
            row = (
                await connection.execute(select(batches).where(batches.c.id == batch_id))
            ).first()
            if row is None:
                return None
            counted = await connection.execute(
                select(notifications.c.status, func.count().label("how_many"))
                .where(notifications.c.batch_id == batch_id)
                .group_by(notifications.c.status)
            )
            counts = {NotificationStatus(each.status): each.how_many for each in counted}
        return BatchProgress(Batch(**row._asdict()), counts)

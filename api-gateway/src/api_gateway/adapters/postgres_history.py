"""Reads notifications, their deliveries and their timeline."""

from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, true

from api_gateway.adapters.notification_rows import (
    delivery_of,
    notification_of,
    timeline_event_of,
)
from api_gateway.adapters.tables import deliveries, events, notifications
from api_gateway.domain.notification import Notification
from servicekit.database import Database

COUNTED_ROWS: Final = 10_000
"""Totals are exact up to here; counting further would read what nobody asked for."""


class PostgresHistory:
    """Implements `usecases.ports.History`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, notification_id: UUID) -> Notification | None:
        """One notification with deliveries and timeline."""
        async with self._database.transaction() as connection:
            row = (
                await connection.execute(
                    select(notifications).where(notifications.c.id == notification_id)
                )
            ).first()
            if row is None:
                return None
            delivery_rows = await connection.execute(
                select(deliveries)
                .where(deliveries.c.notification_id == notification_id)
                .order_by(deliveries.c.id)
            )
            event_rows = await connection.execute(
                select(events)
                .where(events.c.notification_id == notification_id)
                .order_by(events.c.generation, events.c.at, events.c.attempt, events.c.id)
            )
            return notification_of(
                row,
                deliveries=tuple(delivery_of(item) for item in delivery_rows),
                timeline=tuple(timeline_event_of(item) for item in event_rows),
            )

    async def page(
        self, *, client_id: str | None, user_id: UUID | None, offset: int, limit: int
    ) -> tuple[list[Notification], int]:
        """Notifications, newest first; the total is exact up to `COUNTED_ROWS`."""
        visible = _visible(client_id, user_id)
        counted = select(notifications.c.id).where(visible).limit(COUNTED_ROWS).subquery()
        async with self._database.transaction() as connection:
            total = await connection.scalar(select(func.count()).select_from(counted))
            rows = await connection.execute(
                select(notifications)
                .where(visible)
                .order_by(notifications.c.id.desc())
                .offset(offset)
                .limit(limit)
            )
            return [notification_of(row) for row in rows], total or 0


def _visible(client_id: str | None, user_id: UUID | None) -> ColumnElement[bool]:
    if client_id is not None:
        return notifications.c.client_id == client_id
    if user_id is not None:
        return notifications.c.user_id == user_id
    return true()

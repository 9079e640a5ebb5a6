"""Reads notifications, their deliveries and their timeline."""

from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from api_gateway.adapters.listed_notifications import is_listed
from api_gateway.adapters.notification_rows import (
    RELAYS_OWN,
    delivery_of,
    notification_of,
    timeline_event_of,
)
from api_gateway.adapters.tables import deliveries, events, notifications
from api_gateway.domain.notification import Notification
from api_gateway.domain.notification_filter import NotificationFilter, Visible
from servicekit.counting import COUNTED
from servicekit.database import Database

# Variables may be large, and no list shows them.
_LISTED: Final = [
    column for column in notifications.c if column.name not in {*RELAYS_OWN, "variables"}
]


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
        self,
        visible: Visible,
        wanted: NotificationFilter,
        *,
        after: UUID | None = None,
        offset: int = 0,
        limit: int,
    ) -> list[Notification]:
        """Notifications, newest first, without variables, deliveries and timeline."""
        listed = (
            select(*_LISTED)
            .where(is_listed(visible, wanted))
            .order_by(notifications.c.id.desc())
            .offset(offset)
            .limit(limit)
        )
        if after is not None:
            listed = listed.where(notifications.c.id < after)
        async with self._database.statement() as connection:
            rows = await connection.execute(listed)
            return [notification_of(row, variables={}) for row in rows]

    async def count(self, visible: Visible, wanted: NotificationFilter) -> int:
        """How many there are, exact up to `COUNTED`."""
        counted = (
            select(notifications.c.id).where(is_listed(visible, wanted)).limit(COUNTED).subquery()
        )
        async with self._database.statement() as connection:
            count = await connection.execute(select(func.count()).select_from(counted))
            return count.scalar_one()

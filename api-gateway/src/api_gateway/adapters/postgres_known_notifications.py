"""Looks up which deliveries a notification has, and nothing of what they hold."""

from uuid import UUID

from sqlalchemy import select

from api_gateway.adapters.tables import deliveries, notifications
from api_gateway.domain.reported_delivery import KnownDelivery, KnownNotification
from contracts.notification import NotificationType
from servicekit.database import Database


class PostgresKnownNotifications:
    """Implements `usecases.report_status.KnownNotifications`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, notification_id: UUID) -> KnownNotification | None:
        """One notification and its deliveries, oldest first."""
        query = (
            select(
                notifications.c.notification_type,
                notifications.c.correlation_id,
                deliveries.c.id,
                deliveries.c.generation,
            )
            .outerjoin(deliveries, deliveries.c.notification_id == notifications.c.id)
            .where(notifications.c.id == notification_id)
            .order_by(deliveries.c.id)
        )
        async with self._database.statement() as connection:
            rows = (await connection.execute(query)).all()
        if not rows:
            return None
        return KnownNotification(
            id=notification_id,
            notification_type=NotificationType(rows[0].notification_type),
            correlation_id=rows[0].correlation_id,
            deliveries=tuple(
                KnownDelivery(row.id, row.generation) for row in rows if row.id is not None
            ),
        )

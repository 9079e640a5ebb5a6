"""The notifications that wait for their time, beside any number of relays that release them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, insert, literal_column, select, update
from uuid_utils.compat import uuid7

from api_gateway.adapters.erasing import NOTHING
from api_gateway.adapters.notification_rows import notification_of
from api_gateway.adapters.outbox_rows import outbox_row
from api_gateway.adapters.postgres_notifications import BORN_LEASED
from api_gateway.adapters.release_statement import RELEASE, release_arguments
from api_gateway.adapters.tables import events, notifications
from api_gateway.domain.build_message import build_message
from api_gateway.domain.notification import Notification
from api_gateway.domain.release import Release
from api_gateway.domain.silence import RECONCILE_AFTER
from contracts.notification import NotificationStatus
from servicekit.database import Database

LEASE: Final = timedelta(seconds=15)
"""So long a relay may take to decide; then another one tries."""
CANCELLED_EVENT: Final = "cancelled"

_SCHEDULED: Final = notifications.c.status == literal_column("'scheduled'")  # as the index has it
_DUE: Final = (
    select(notifications.c.id)
    .where(_SCHEDULED, notifications.c.release_at <= func.now())
    .order_by(notifications.c.release_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    # A CTE runs once; a subquery in IN may run for each row, and lock beyond its limit.
    .cte("due")
)


class PostgresSchedule:
    """Implements `usecases.relay_ports.Schedule`.

    Args:
        database: The gateway's.
        reconcile_after: How long a delivery may be silent at first.
    """

    def __init__(self, database: Database, *, reconcile_after: timedelta = RECONCILE_AFTER) -> None:
        self._database = database
        self._reconcile_after = reconcile_after

    async def lease_due(self, limit: int) -> list[Notification]:
        """Take those that are due longest, and keep other relays away from them for a while."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                update(notifications)
                .where(notifications.c.id.in_(select(_DUE.c.id)))
                .values(release_at=func.now() + LEASE)
                .returning(notifications),
                {"limit": limit},
            )
            return [notification_of(row) for row in rows]

    async def release(self, releases: Sequence[Release]) -> int:
        """Store what became of them, in one transaction; what waits no longer is left alone."""
        rows = [
            [
                outbox_row(build_message(one.notification, each))
                for each in one.notification.deliveries
            ]
            for one in releases
        ]
        arguments = (*release_arguments(releases, rows), self._reconcile_after, BORN_LEASED)
        async with self._database.statement() as connection:
            result = await connection.exec_driver_sql(RELEASE, arguments)
            return len(result.all())

    async def cancel(self, notification_id: UUID) -> bool:
        """Cancel one; returns whether it was still waiting."""
        cancelled = NotificationStatus.CANCELLED.value
        async with self._database.transaction() as connection:
            moved = await connection.execute(
                update(notifications)
                .where(notifications.c.id == notification_id, _SCHEDULED)
                .values(status=cancelled, release_at=None, variables=NOTHING, updated_at=func.now())
            )
            if not moved.rowcount:
                return False
            await connection.execute(
                insert(events).values(
                    id=uuid7(),
                    notification_id=notification_id,
                    kind=CANCELLED_EVENT,
                    status=cancelled,
                    at=func.now(),
                    generation=0,
                    attempt=0,
                )
            )
            return True

"""Publishes silent deliveries again, beside any number of relays that do the same."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Interval, Row, bindparam, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.notification_rows import delivery_of, notification_of, state_of
from api_gateway.adapters.outbox_rows import leave_to_relay
from api_gateway.adapters.tables import deliveries, notifications, outbox
from api_gateway.domain.build_message import build_message
from api_gateway.domain.silence import LONGEST_SILENCE
from servicekit.database import Database

_SILENT: Final = (
    select(deliveries)
    # As a literal, because the index is for these only.
    .where(deliveries.c.status == literal_column("'pending'"))
    .where(deliveries.c.reconcile_at < func.now())
    .where(~select(outbox.c.id).where(outbox.c.delivery_id == deliveries.c.id).exists())
    .order_by(deliveries.c.reconcile_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, of=deliveries)
)
# As long again as it has been silent for, so the second time is after two hours, then four.
_WAIT_ANEW: Final = (
    update(deliveries)
    .where(notifications.c.id == deliveries.c.notification_id)
    .values(
        reconcile_at=func.now()
        + func.least(
            bindparam("longest", type_=Interval()),
            func.greatest(
                bindparam("at_least", type_=Interval()),
                func.now() - func.coalesce(deliveries.c.event_at, notifications.c.created_at),
            ),
            type_=Interval(),
        )
    )
)


class PostgresSilentDeliveries:
    """Implements `usecases.relay_ports.SilentDeliveries`.

    Args:
        database: The gateway's.
        reconcile_after: How long a delivery may be silent at least, after it was published again.
    """

    def __init__(self, database: Database, *, reconcile_after: timedelta) -> None:
        self._database = database
        self._reconcile_after = reconcile_after

    async def publish_again(self, limit: int) -> int:
        """Put the most silent deliveries into the outbox again; returns how many it were."""
        async with self._database.transaction() as connection:
            rows = (await connection.execute(_SILENT, {"limit": limit})).all()
            if rows:
                await self._publish(connection, rows)
            return len(rows)

    async def _publish(self, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> None:
        ids: set[UUID] = {row.notification_id for row in rows}
        found = await connection.execute(select(notifications).where(notifications.c.id.in_(ids)))
        by_id = {row.id: notification_of(row) for row in found}
        await leave_to_relay(
            connection,
            [
                build_message(
                    by_id[row.notification_id],
                    delivery_of(row),
                    retry_count=state_of(row).attempts_of_generation,
                )
                for row in rows
            ],
        )
        await connection.execute(
            _WAIT_ANEW.where(
                # For both, because an equality of two columns keeps no month out.
                notifications.c.id.in_(ids),
                deliveries.c.notification_id.in_(ids),
                deliveries.c.id.in_([row.id for row in rows]),
            ),
            {
                "at_least": self._reconcile_after,
                "longest": max(LONGEST_SILENCE, self._reconcile_after),
            },
        )

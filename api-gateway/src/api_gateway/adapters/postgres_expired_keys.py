"""Deletes expired idempotency keys, beside any number of relays that do the same."""

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select, tuple_

from api_gateway.adapters.tables import idempotency_keys
from servicekit.database import Database

KEPT_AFTER_EXPIRY: Final = timedelta(minutes=1)
"""Longer than a transaction takes: one that began before the expiry must find the key it met."""


class PostgresExpiredKeys:
    """Implements `usecases.relay_ports.ExpiredKeys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete(self, limit: int) -> int:
        """Delete the oldest of them; returns how many it were."""
        keys = idempotency_keys.c
        expired = (
            select(keys.caller, keys.request_id)
            .where(keys.expires_at < func.now() - KEPT_AFTER_EXPIRY)
            .order_by(keys.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            # A CTE runs once; a subquery in IN may run for each row, and lock beyond its limit.
            .cte("expired")
        )
        async with self._database.transaction() as connection:
            result = await connection.execute(
                delete(idempotency_keys).where(
                    tuple_(keys.caller, keys.request_id).in_(
                        select(expired.c.caller, expired.c.request_id)
                    )
                )
            )
            return result.rowcount

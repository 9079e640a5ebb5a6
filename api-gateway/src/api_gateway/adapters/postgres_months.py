"""The history's months as partitions: making, emptying and dropping them.

One relay at a time, by an advisory lock, and never in the way of others for long: who waits for an
exclusive lock makes all wait who come after. Dropping is not `DETACH … CONCURRENTLY`, which
PostgreSQL refuses where there is a default partition.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, TextClause, Uuid, bindparam, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.domain.month import Month
from api_gateway.usecases.history_ports import MonthBusyError, TooManyUnfinishedError
from servicekit.database import Database

MOST_MOVED: Final = 1_000
"""Unfinished notifications that are moved while everybody waits: some 50 ms."""

_KEYS: Final = {
    "notifications": "id",
    "deliveries": "notification_id",
    "notification_events": "notification_id",
}
_LOCK: Final = 7_402_117_346  # any number, the same for all relays
_LOCK_TIMEOUT: Final = "150ms"
_LOCK_NOT_AVAILABLE: Final = "55P03"
_NAME: Final = re.compile(r"notifications_(\d{4})_(\d{2})")
_PARTITIONS: Final = text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = 'notifications'::regclass"
)
# Not by their ids: that of a batch which can be repeated says nothing about time.
_DELETE_BATCHES: Final = text(
    "DELETE FROM batches WHERE id IN (SELECT id FROM batches WHERE created_at < :begin "
    "ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
)


class PostgresMonths:
    """Implements `usecases.history_ports.HistoryMonths`.

    Args:
        database: With minutes for a statement: what lies in the default partition is moved in one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stored(self) -> set[Month]:
        """Those that exist."""
        async with self._database.transaction() as connection:
            names = (await connection.execute(_PARTITIONS)).scalars()
            found = (_NAME.fullmatch(name) for name in names)
            return {Month(int(match[1]), int(match[2])) for match in found if match}

    async def create(self, month: Month) -> bool:
        """Make a month, and move into it what was stored for it before it was there."""
        async with self._alone() as connection:
            if connection is None or await _exists(connection, month):
                return False
            await _wait_briefly(connection)
            for table in _KEYS:
                await connection.execute(
                    text(f"CREATE TABLE {table}_{month} (LIKE {table} INCLUDING DEFAULTS)")
                )
            # Nothing may arrive there after what it holds was moved.
            defaults = ", ".join(f"{table}_default" for table in _KEYS)
            await connection.execute(text(f"LOCK TABLE {defaults} IN ACCESS EXCLUSIVE MODE"))
            first, end = month.first_id, month.following.first_id
            for table, key in _KEYS.items():
                await connection.execute(
                    text(
                        f"WITH moved AS (DELETE FROM {table}_default "  # noqa: S608
                        f"WHERE {key} >= '{first}' AND {key} < '{end}' RETURNING *) "
                        f"INSERT INTO {table}_{month} SELECT * FROM moved"
                    )
                )
                await connection.execute(
                    text(
                        f"ALTER TABLE {table} ATTACH PARTITION {table}_{month} "
                        f"FOR VALUES FROM ('{first}') TO ('{end}')"
                    )
                )
            return True

    async def drop(self, month: Month) -> int | None:
        """Drop a month, and keep what is unfinished in it."""
        async with self._alone() as connection:
            if connection is None or not await _exists(connection, month):
                return None
            # Found before anybody has to wait. What becomes unfinished meanwhile has a delivery
            # that is pending, and is found by an index.
            unfinished = await _unfinished(connection, month)
            await _wait_briefly(connection)
            parents = ", ".join(f"ONLY {table}" for table in _KEYS)
            await connection.execute(text(f"LOCK TABLE {parents} IN ACCESS EXCLUSIVE MODE"))
            for table in _KEYS:
                await connection.execute(
                    text(f"ALTER TABLE {table} DETACH PARTITION {table}_{month}")
                )
            found = await connection.execute(
                text(
                    f"SELECT id FROM notifications_{month} WHERE status = 'scheduled' "  # noqa: S608
                    f"UNION SELECT notification_id FROM deliveries_{month} WHERE status = 'pending'"
                )
            )
            kept = sorted({*unfinished, *found.scalars()})
            if len(kept) > MOST_MOVED:
                raise TooManyUnfinishedError
            for table, key in _KEYS.items():
                # Without its month it goes into the default partition.
                await connection.execute(
                    _with_ids(
                        f"INSERT INTO {table} SELECT * FROM {table}_{month} "  # noqa: S608
                        f"WHERE {key} = ANY(:ids)"
                    ),
                    {"ids": kept},
                )
            tables = ", ".join(f"{table}_{month}" for table in _KEYS)
            await connection.execute(text(f"DROP TABLE {tables}"))
            return len(kept)

    async def delete_finished(self, month: Month | None, before: Month, limit: int) -> int:
        """Delete the oldest finished notifications that were stored before a month."""
        place = "default" if month is None else str(month)
        async with self._alone() as connection:
            if connection is None or not await _exists(connection, place):
                return 0
            found = await connection.execute(
                text(
                    f"SELECT id FROM notifications_{place} AS one WHERE id < :first_id "  # noqa: S608
                    "AND created_at < :begin AND status NOT IN ('pending', 'scheduled') "
                    f"AND NOT EXISTS (SELECT FROM deliveries_{place} AS delivery "
                    "WHERE delivery.notification_id = one.id AND delivery.status = 'pending') "
                    "ORDER BY id LIMIT :limit FOR UPDATE OF one SKIP LOCKED"
                ).bindparams(bindparam("first_id", type_=Uuid())),
                {"first_id": before.first_id, "begin": before.begin, "limit": limit},
            )
            ids = list(found.scalars())
            for table, key in reversed(_KEYS.items()):
                await connection.execute(
                    _with_ids(f"DELETE FROM {table}_{place} WHERE {key} = ANY(:ids)"),  # noqa: S608
                    {"ids": ids},
                )
            return len(ids)

    async def delete_batches(self, before: Month, limit: int) -> int:
        """Delete the oldest batches that were stored before a month."""
        arguments = {"begin": before.begin, "limit": limit}
        async with self._database.transaction() as connection:
            return (await connection.execute(_DELETE_BATCHES, arguments)).rowcount

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[AsyncConnection | None]:
        """A transaction of which there is one at a time; None: there is one.

        Raises:
            MonthBusyError: A lock could not be had in time; nothing was done.
        """
        async with self._database.transaction() as connection:
            mine = await connection.scalar(
                text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}
            )
            if not mine:
                yield None
                return
            try:
                yield connection
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
                raise MonthBusyError from error


async def _wait_briefly(connection: AsyncConnection) -> None:
    await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))


async def _unfinished(connection: AsyncConnection, month: Month) -> Sequence[UUID]:
    rows = await connection.execute(
        text(
            f"SELECT id FROM notifications_{month} "  # noqa: S608
            "WHERE status IN ('pending', 'scheduled') LIMIT :limit"
        ),
        {"limit": MOST_MOVED + 1},
    )
    ids = rows.scalars().all()
    if len(ids) > MOST_MOVED:
        raise TooManyUnfinishedError
    return ids


async def _exists(connection: AsyncConnection, place: Month | str) -> bool:
    name = f"notifications_{place}"
    found = await connection.scalar(text("SELECT to_regclass(:name)::text"), {"name": name})
    return found is not None


def _with_ids(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("ids", type_=ARRAY(Uuid())))

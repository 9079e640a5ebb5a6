"""A database on which everything happens in one transaction, which then tells what it read."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.database import Database


class OneTransaction(Database):
    """Whatever adapters begin on it is a part of the transaction of this connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        yield self.connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        yield self.connection

    async def scans(self) -> Counter[str]:
        """How often each table and partition was scanned, whole or by an index, up to now.

        The figures may begin with those of an earlier transaction of the same connection.
        """
        rows = await self.connection.execute(
            text(
                "SELECT relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) AS scans "
                "FROM pg_stat_xact_user_tables"
            )
        )
        return Counter({row.relname: row.scans for row in rows})


@asynccontextmanager
async def one_transaction(database: Database) -> AsyncIterator[OneTransaction]:
    """On a connection of its own, and undone at the end."""
    async with database.engine.connect() as connection:
        yield OneTransaction(connection)
        await connection.rollback()

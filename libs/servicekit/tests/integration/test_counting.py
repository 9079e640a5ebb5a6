from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert

from servicekit.counting import count_rows
from servicekit.database import Database
from servicekit.testing import temporary_database

ROWS = Table("rows", MetaData(), Column("n", Integer))


@pytest.fixture(scope="module")
async def database() -> AsyncIterator[Database]:
    async with temporary_database() as url:
        database = Database(url, name="test")
        async with database.transaction() as connection:
            await connection.run_sync(ROWS.create)
            await connection.execute(insert(ROWS), [{"n": n} for n in range(5)])
        yield database
        await database.close()


@pytest.mark.parametrize(("up_to", "counted"), [(10_000, 5), (6, 5), (5, 5), (3, 3)])
async def test_counts_exactly_as_far_as_it_counts(
    database: Database, up_to: int, counted: int
) -> None:
    async with database.transaction() as connection:
        assert await count_rows(connection, ROWS, up_to=up_to) == counted

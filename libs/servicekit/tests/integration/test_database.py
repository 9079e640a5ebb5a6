"""The database as it is when PostgreSQL is away, busy, or kills us."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from servicekit.database import Database, DatabaseUnavailableError
from servicekit.testing import temporary_database


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with temporary_database() as address:
        yield address


async def test_commits_at_the_end_and_rolls_back_on_an_error(url: str) -> None:
    database = Database(url, name="test")
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE kept (n int)"))
        await connection.execute(text("INSERT INTO kept VALUES (1)"))
    with pytest.raises(KeyError):
        await insert_and_fail(database)
    async with database.transaction() as connection:
        rows = (await connection.execute(text("SELECT n FROM kept"))).scalars().all()
    assert rows == [1]
    await database.close()


async def insert_and_fail(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO kept VALUES (2)"))
        raise KeyError


async def test_tells_the_server_who_it_is_and_speaks_utc(url: str) -> None:
    database = Database(url, name="who-am-i")
    async with database.transaction() as connection:
        found = (
            await connection.execute(
                text("SELECT current_setting('application_name'), current_setting('timezone')")
            )
        ).one()
    assert tuple(found) == ("who-am-i", "UTC")
    await database.close()


@pytest.mark.parametrize("port", [1, None])
async def test_an_unreachable_database_is_unavailable_within_three_seconds(
    port: int | None,
) -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    silent = server.sockets[0].getsockname()[1]
    database = Database(f"postgresql+asyncpg://u:p@127.0.0.1:{port or silent}/d", name="test")
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailableError):
        await database.check()
    assert time.monotonic() - started < 3
    await database.close()
    server.close()


async def test_a_killed_connection_is_replaced_unseen(url: str) -> None:
    database, killer = Database(url, name="victim", pool_size=1), Database(url, name="killer")
    await database.check()
    await kill(killer, "victim")
    await database.check()
    await database.close()
    await killer.close()


async def test_a_connection_killed_in_a_transaction_is_unavailable_and_then_works(
    url: str,
) -> None:
    database, killer = Database(url, name="victim2", pool_size=1), Database(url, name="killer")
    with pytest.raises(DatabaseUnavailableError):
        await lose_connection(database, killer)
    await database.check()
    await database.close()
    await killer.close()


async def lose_connection(database: Database, killer: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("SELECT 1"))
        await kill(killer, "victim2")
        await connection.execute(text("SELECT 1"))


async def kill(killer: Database, name: str) -> None:
    statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :n"
    async with killer.transaction() as connection:
        done = (await connection.execute(text(statement), {"n": name})).scalars().all()
    assert done == [True]


async def test_an_exhausted_pool_is_unavailable_and_not_an_endless_wait(url: str) -> None:
    database = Database(url, name="test", pool_size=1)
    started = time.monotonic()
    async with database.transaction(), database.transaction():
        with pytest.raises(DatabaseUnavailableError) as caught:
            await database.check()
    assert 1.5 < time.monotonic() - started < 3
    assert caught.value.status == 503
    assert caught.value.headers["Retry-After"]
    await database.check()
    await database.close()


async def test_a_statement_that_takes_too_long_is_unavailable(url: str) -> None:
    database = Database(url, name="test", statement_seconds=0.2)
    with pytest.raises(DatabaseUnavailableError):
        async with database.transaction() as connection:
            await connection.execute(text("SELECT pg_sleep(5)"))
    await database.check()
    await database.close()


async def test_a_mistake_of_ours_is_not_called_an_outage(url: str) -> None:
    database = Database(url, name="test")
    with pytest.raises(ProgrammingError):
        async with database.transaction() as connection:
            await connection.execute(text("SELECT no_such_column"))
    await database.close()


async def test_the_victim_of_a_deadlock_is_asked_to_try_again(url: str) -> None:
    database = Database(url, name="test")
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE crossed (id int PRIMARY KEY, n int)"))
        await connection.execute(text("INSERT INTO crossed VALUES (1, 0), (2, 0)"))
    both_hold_one = asyncio.Barrier(2)

    async def update(first: int, second: int) -> None:
        async with database.transaction() as connection:
            statement = text("UPDATE crossed SET n = n + 1 WHERE id = :id")
            await connection.execute(statement, {"id": first})
            await both_hold_one.wait()
            await connection.execute(statement, {"id": second})

    results = await asyncio.gather(update(1, 2), update(2, 1), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [DatabaseUnavailableError]
    await database.close()

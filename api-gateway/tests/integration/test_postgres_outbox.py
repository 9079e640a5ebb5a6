import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from outbox_suite import FilledOutbox, OutboxSuite, ids_of
from queues import until
from samples import delivery, notification
from sqlalchemy import delete, func, update
from store_suite import put

from api_gateway.adapters.backlog_gauge import BacklogGauge
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outbox import PostgresOutbox
from api_gateway.adapters.tables import outbox as outbox_table
from api_gateway.usecases.ports import OutboxMessage, Stored
from contracts.error_codes import ErrorCode
from servicekit.database import Database
from servicekit.errors import UnavailableError


async def shift(database: Database, **times: timedelta) -> None:
    """Let time pass for all rows."""
    async with database.transaction() as connection:
        await connection.execute(
            update(outbox_table).values({name: func.now() + by for name, by in times.items()})
        )


@pytest_asyncio.fixture
async def ten_rows(database: Database) -> AsyncIterator[FilledOutbox]:
    async with database.transaction() as connection:
        await connection.execute(delete(outbox_table))
    stored = await put(
        PostgresNotificationStore(database),
        notification(deliveries=tuple(delivery() for _ in range(10))),
    )
    assert isinstance(stored, Stored)
    await shift(database, leased_until=timedelta(seconds=-1))
    yield FilledOutbox(PostgresOutbox(database), stored.outbox)
    async with database.transaction() as connection:
        await connection.execute(delete(outbox_table))


@pytest.fixture
def filled(ten_rows: FilledOutbox) -> FilledOutbox:
    return ten_rows


class TestPostgresOutbox(OutboxSuite):
    @pytest.fixture
    def filled(self, ten_rows: FilledOutbox) -> FilledOutbox:
        return ten_rows


async def test_rows_just_stored_are_left_to_the_gateway(database: Database) -> None:
    stored = await put(PostgresNotificationStore(database), notification())
    assert isinstance(stored, Stored)
    leased = await PostgresOutbox(database).lease(1_000)
    assert not set(ids_of(leased)) & set(ids_of(list(stored.outbox)))


async def test_two_relays_share_the_rows(filled: FilledOutbox, database_url: str) -> None:
    other_relay = Database(database_url, name="other-relay")
    other = PostgresOutbox(other_relay)
    leased: list[int] = []
    while batches := [
        batch for batch in await asyncio.gather(filled.outbox.lease(3), other.lease(3)) if batch
    ]:
        leased += [message.id for batch in batches for message in batch]
    assert sorted(leased) == ids_of(list(filled.rows))
    await other_relay.close()


async def test_a_lease_that_ran_out_frees_the_row(filled: FilledOutbox, database: Database) -> None:
    assert len(await filled.outbox.lease(100)) == 10
    assert await filled.outbox.lease(100) == []
    await shift(database, leased_until=timedelta(seconds=-1))
    assert len(await filled.outbox.lease(100)) == 10


async def test_what_is_given_back_can_be_leased_a_second_later(filled: FilledOutbox) -> None:
    leased = await filled.outbox.lease(4)
    await filled.outbox.give_back(ids_of(leased))
    assert len(await filled.outbox.lease(100)) == 6
    again: list[OutboxMessage] = []

    async def some_are_free() -> bool:
        again.extend(await filled.outbox.lease(100))
        return bool(again)

    await until(some_are_free)
    assert ids_of(again) == ids_of(leased)


async def test_the_gauge_refuses_while_the_oldest_waits_too_long(
    filled: FilledOutbox, database: Database
) -> None:
    gauge = BacklogGauge(database)
    await gauge.measure()
    gauge.check()
    await shift(database, stored_at=timedelta(minutes=-11))
    await gauge.measure()
    with pytest.raises(UnavailableError) as caught:
        gauge.check()
    assert caught.value.code is ErrorCode.OVERLOADED
    assert int(caught.value.headers["Retry-After"]) > 0
    await filled.outbox.published([row.id for row in filled.rows])
    await gauge.measure()
    gauge.check()

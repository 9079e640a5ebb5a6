import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from outbox_suite import FEW, MANY, FilledOutbox, OutboxSuite, ids_of
from queues import until
from samples import delivery, notification
from sqlalchemy import delete, func, select, update
from store_suite import put

from api_gateway.adapters.backlog_gauge import BacklogGauge
from api_gateway.adapters.lane_watch import LaneWatch
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outbox import PostgresOutbox
from api_gateway.adapters.tables import outbox as outbox_table
from api_gateway.usecases.ports import OutboxMessage, Stored
from contracts.error_codes import ErrorCode
from contracts.names import LANES, NOTIFICATIONS_EXCHANGE
from servicekit.database import Database
from servicekit.errors import RateLimitedError, UnavailableError
from servicekit.publisher import Publisher


async def shift(database: Database, **times: timedelta) -> None:
    """Let time pass for all rows."""
    async with database.transaction() as connection:
        await connection.execute(
            update(outbox_table).values({name: func.now() + by for name, by in times.items()})
        )


async def no_rows(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(delete(outbox_table))


async def wait_for_turns(database: Database, client_id: str, count: int) -> list[OutboxMessage]:
    """Rows of one caller, as `Outbox.lease` should return them."""
    one = notification(client_id=client_id, deliveries=tuple(delivery() for _ in range(count)))
    await put(PostgresNotificationStore(database), one, at_once=False)
    ids = [each.id for each in one.deliveries]
    async with database.transaction() as connection:
        rows = await connection.execute(
            select(outbox_table)
            .where(outbox_table.c.delivery_id.in_(ids))
            .order_by(outbox_table.c.id)
        )
        return [
            OutboxMessage(row.id, row.routing_key, row.body, row.delivery_id, row.correlation_id)
            for row in rows
        ]


@pytest_asyncio.fixture
async def filled(database: Database) -> AsyncIterator[FilledOutbox]:
    await no_rows(database)
    rows = [
        *await wait_for_turns(database, "application:many", MANY),
        *await wait_for_turns(database, "application:few", FEW),
    ]
    yield FilledOutbox(PostgresOutbox(database), tuple(rows))
    await no_rows(database)


class TestPostgresOutbox(OutboxSuite):
    @pytest.fixture
    def filled(self, filled: FilledOutbox) -> FilledOutbox:
        return filled


async def test_rows_just_stored_are_left_to_the_gateway(database: Database) -> None:
    stored = await put(PostgresNotificationStore(database), notification())
    assert isinstance(stored, Stored)
    leased = await PostgresOutbox(database).lease(dict.fromkeys(LANES, 1_000))
    assert not set(ids_of(leased)) & set(ids_of(list(stored.outbox)))


async def test_two_relays_share_the_rows(filled: FilledOutbox, database_url: str) -> None:
    other_relay = Database(database_url, name="other-relay")
    other = PostgresOutbox(other_relay)
    leased: list[int] = []
    while batches := [
        batch
        for batch in await asyncio.gather(
            filled.outbox.lease(filled.room(3)), other.lease(filled.room(3))
        )
        if batch
    ]:
        leased += [message.id for batch in batches for message in batch]
    assert sorted(leased) == ids_of(list(filled.rows))
    await other_relay.close()


async def test_a_lease_that_ran_out_frees_the_row(filled: FilledOutbox, database: Database) -> None:
    assert len(await filled.outbox.lease(filled.room(100))) == MANY + FEW
    assert await filled.outbox.lease(filled.room(100)) == []
    await shift(database, leased_until=timedelta(seconds=-1))
    assert len(await filled.outbox.lease(filled.room(100))) == MANY + FEW


async def test_what_is_given_back_can_be_leased_a_second_later(filled: FilledOutbox) -> None:
    leased = await filled.outbox.lease(filled.room(4))
    await filled.outbox.give_back(ids_of(leased))
    assert len(await filled.outbox.lease(filled.room(100))) == MANY + FEW - 4
    again: list[OutboxMessage] = []

    async def some_are_free() -> bool:
        again.extend(await filled.outbox.lease(filled.room(100)))
        return bool(again)

    await until(some_are_free)
    assert ids_of(again) == ids_of(leased)


async def test_a_row_that_was_in_somebodys_hands_may_be_repeated(
    filled: FilledOutbox, database: Database
) -> None:
    assert not any(row.may_be_repeated for row in await filled.outbox.lease(filled.room(4)))
    await shift(database, leased_until=timedelta(seconds=-1))
    again = await filled.outbox.lease(filled.room(100))
    assert len(again) == MANY + FEW
    assert all(row.may_be_repeated for row in again)


async def test_many_rows_of_one_caller_cost_another_ones_turn_nothing(database: Database) -> None:
    await no_rows(database)
    flood = [await wait_for_turns(database, "application:flood", 1_000) for _ in range(5)]
    [row] = await wait_for_turns(database, "application:steady", 1)
    leased = await PostgresOutbox(database).lease({row.routing_key: 8})
    assert ids_of(leased) == ids_of([flood[0][0], row, *flood[0][1:4]])
    await no_rows(database)


async def broker_is_there() -> None:
    """Raises nothing."""


async def broker_is_away() -> None:
    raise ConnectionError("not connected to RabbitMQ")


async def test_the_gauge_refuses_while_the_oldest_waits_too_long_for_the_broker(
    filled: FilledOutbox, database: Database
) -> None:
    gauge = BacklogGauge(database, broker_is_away, most_of_a_caller=1_000)
    await gauge.measure()
    gauge.check("application:a")
    await shift(database, stored_at=timedelta(minutes=-11))
    await gauge.measure()
    with pytest.raises(UnavailableError) as caught:
        gauge.check("application:a")
    assert caught.value.code is ErrorCode.OVERLOADED
    assert int(caught.value.headers["Retry-After"]) > 0
    await filled.outbox.published([row.id for row in filled.rows])
    await gauge.measure()
    gauge.check("application:a")


async def test_rows_may_wait_long_for_their_turn(filled: FilledOutbox, database: Database) -> None:
    gauge = BacklogGauge(database, broker_is_there, most_of_a_caller=1_000)
    await shift(database, stored_at=timedelta(minutes=-11))
    await gauge.measure()
    gauge.check("application:many")


async def test_the_gauge_refuses_callers_of_whom_too_much_waits(
    filled: FilledOutbox, database: Database
) -> None:
    gauge = BacklogGauge(database, broker_is_there, most_of_a_caller=FEW)

    async def refuses() -> bool:
        # The planner's figures come when the sessions that wrote are idle.
        await gauge.measure()
        try:
            gauge.check("application:many")
        except RateLimitedError:
            return True
        return False

    await until(refuses)
    with pytest.raises(RateLimitedError) as caught:
        gauge.check("application:many")
    assert caught.value.code is ErrorCode.TOO_MANY_WAITING
    assert int(caught.value.headers["Retry-After"]) > 0
    gauge.check("application:few")
    gauge.check("application:other")
    await filled.outbox.published([row.id for row in filled.rows])
    await gauge.measure()
    gauge.check("application:many")


async def test_a_watch_sees_who_waits_and_lets_others_pass(
    filled: FilledOutbox, database: Database, amqp_url: str
) -> None:
    lane = filled.rows[0].routing_key
    publisher = Publisher(amqp_url, name="tests", exchanges=(NOTIFICATIONS_EXCHANGE,))
    publisher.start()
    await publisher.connected()
    watch = LaneWatch(database, publisher, window=20)
    assert watch.goes_at_once("application:many", lane)
    assert watch.goes_at_once("application:other", lane)
    await watch.look()
    assert not watch.goes_at_once("application:many", lane)
    assert [watch.goes_at_once("application:other", lane) for _ in range(3)] == [True, True, False]
    assert watch.goes_at_once("application:many", "push.queue")
    await filled.outbox.published([row.id for row in filled.rows])
    await watch.look()
    assert watch.goes_at_once("application:many", lane)
    await publisher.close()

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest_asyncio
from samples import delivery, notification, outcome
from sqlalchemy import delete, select, text, update
from store_suite import put

from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.postgres_silent_deliveries import PostgresSilentDeliveries
from api_gateway.adapters.tables import deliveries, outbox
from api_gateway.domain.build_message import build_message
from api_gateway.domain.notification import Notification
from contracts.delivery_message import DeliveryMessage
from contracts.outcome import OutcomeKind
from servicekit.database import Database

HOUR = timedelta(hours=1)
SLACK = timedelta(seconds=30)


@pytest_asyncio.fixture
async def silent(database: Database) -> AsyncIterator[PostgresSilentDeliveries]:
    """Nothing that other tests left is silent or waits."""
    async with database.transaction() as connection:
        await connection.execute(delete(outbox))
        await connection.execute(update(deliveries).values(reconcile_at=now() + 100 * HOUR))
    yield PostgresSilentDeliveries(database, reconcile_after=HOUR)
    async with database.transaction() as connection:
        await connection.execute(delete(outbox))


async def stored(
    database: Database, *, silent_for: timedelta = timedelta(hours=1, minutes=1), count: int = 1
) -> Notification:
    """A notification that was accepted so long ago, and published then."""
    one = notification(
        created_at=now() - silent_for, deliveries=tuple(delivery() for _ in range(count))
    )
    await put(PostgresNotificationStore(database), one)
    ids = [item.id for item in one.deliveries]
    async with database.transaction() as connection:
        await connection.execute(delete(outbox).where(outbox.c.delivery_id.in_(ids)))
    await wait(database, one, silent_for)
    return one


async def wait(database: Database, one: Notification, by: timedelta) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            update(deliveries)
            .where(deliveries.c.notification_id == one.id)
            .values(reconcile_at=now() - by + HOUR)
        )


async def published(database: Database) -> dict[UUID, DeliveryMessage]:
    """What a relay can lease now."""
    async with database.transaction() as connection:
        rows = await connection.execute(select(outbox).where(outbox.c.leased_until <= now()))
        messages = [DeliveryMessage.model_validate_json(row.body) for row in rows]
    assert len({message.delivery_id for message in messages}) == len(messages)
    return {message.delivery_id: message for message in messages}


async def awaited_in(database: Database, one: Notification) -> timedelta:
    async with database.transaction() as connection:
        at = await connection.scalar(
            select(deliveries.c.reconcile_at).where(deliveries.c.notification_id == one.id)
        )
    assert isinstance(at, datetime)
    return at - now()


def now() -> datetime:
    return datetime.now(UTC)


async def test_what_is_silent_for_too_long_is_published_again_as_it_was(
    silent: PostgresSilentDeliveries, database: Database
) -> None:
    one, recent = await stored(database), await stored(database, silent_for=HOUR - SLACK * 2)
    assert await silent.publish_again(100) == 1
    assert await published(database) == {
        one.deliveries[0].id: build_message(one, one.deliveries[0])
    }
    assert recent.deliveries[0].id not in await published(database)


async def test_it_goes_on_where_its_generation_stood(
    silent: PostgresSilentDeliveries, database: Database
) -> None:
    one = await stored(database)
    delivery_id = one.deliveries[0].id
    course = [
        outcome(OutcomeKind.FAILED, attempt=6, notification_id=one.id, delivery_id=delivery_id),
        outcome(
            OutcomeKind.REPLAYED,
            attempt=0,
            generation=1,
            notification_id=one.id,
            delivery_id=delivery_id,
        ),
        outcome(
            OutcomeKind.DELIVERY_ATTEMPTED,
            attempt=2,
            generation=1,
            next_attempt_at=now() - HOUR,
            notification_id=one.id,
            delivery_id=delivery_id,
        ),
        # The third is under way: one provider was asked in vain, and the next was asked then.
        outcome(
            OutcomeKind.DELIVERY_ATTEMPTED,
            attempt=3,
            generation=1,
            notification_id=one.id,
            delivery_id=delivery_id,
        ),
    ]
    assert await PostgresOutcomeRecorder(database).record(course) == set()
    await wait(database, one, 2 * HOUR)
    assert await silent.publish_again(100) == 1
    message = (await published(database))[delivery_id]
    assert (message.generation, message.retry_count, message.not_before) == (1, 2, None)


async def test_what_waits_in_the_outbox_anyway_is_left_alone(
    silent: PostgresSilentDeliveries, database: Database
) -> None:
    one = await stored(database)
    assert await silent.publish_again(100) == 1
    await wait(database, one, 2 * HOUR)
    assert await silent.publish_again(100) == 0
    assert len(await published(database)) == 1


async def test_what_has_ended_is_left_alone(
    silent: PostgresSilentDeliveries, database: Database
) -> None:
    one = await stored(database)
    end = outcome(OutcomeKind.SENT, notification_id=one.id, delivery_id=one.deliveries[0].id)
    await PostgresOutcomeRecorder(database).record([end])
    await wait(database, one, 5 * HOUR)
    assert await silent.publish_again(100) == 0


async def test_the_silence_doubles_up_to_eight_hours(
    silent: PostgresSilentDeliveries, database: Database
) -> None:
    for silent_for, expected in [
        (timedelta(hours=1, minutes=1), timedelta(hours=1, minutes=1)),
        (2 * HOUR, 2 * HOUR),
        (4 * HOUR, 4 * HOUR),
        (30 * HOUR, 8 * HOUR),
    ]:
        one = await stored(database, silent_for=silent_for)
        assert await silent.publish_again(100) == 1
        assert abs(await awaited_in(database, one) - expected) < SLACK


async def test_the_most_silent_come_first_and_no_more_than_asked_for(
    silent: PostgresSilentDeliveries, database: Database
) -> None:
    newer = await stored(database, silent_for=2 * HOUR)
    older = await stored(database, silent_for=3 * HOUR)
    assert await silent.publish_again(1) == 1
    assert set(await published(database)) == {older.deliveries[0].id}
    assert await silent.publish_again(1) == 1
    assert newer.deliveries[0].id in await published(database)


async def test_any_number_of_relays_publish_each_once(
    silent: PostgresSilentDeliveries, database: Database, database_url: str
) -> None:
    other_database = Database(database_url, name="other-relay")
    other = PostgresSilentDeliveries(other_database, reconcile_after=HOUR)
    ones = [await stored(database, count=3) for _ in range(10)]
    async with asyncio.timeout(20):
        counts = await asyncio.gather(
            *(one.publish_again(7) for one in (silent, other) for _ in range(5))
        )
    rest = [await silent.publish_again(100), await silent.publish_again(100)]
    assert sum(counts) + rest[0] == 30
    assert rest[1] == 0
    ids = {item.id for one in ones for item in one.deliveries}
    assert set(await published(database)) == ids
    await other_database.close()


async def test_what_another_works_on_is_passed_over_and_not_waited_for(
    silent: PostgresSilentDeliveries, database: Database
) -> None:
    held, free = await stored(database, silent_for=3 * HOUR), await stored(database)
    async with database.transaction() as connection:
        await connection.execute(
            select(deliveries).where(deliveries.c.notification_id == held.id).with_for_update()
        )
        async with asyncio.timeout(3):
            assert await silent.publish_again(100) == 1
    assert set(await published(database)) == {free.deliveries[0].id}


async def test_the_index_of_pending_deliveries_serves_it(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await connection.execute(
            text(
                "EXPLAIN SELECT * FROM deliveries WHERE status = 'pending' "
                "AND reconcile_at < now() ORDER BY reconcile_at LIMIT 10"
            )
        )
        lines = [line.strip(" ->") for line in plan.scalars()]
    assert any(line.startswith("Merge Append") for line in lines)
    scans = [line for line in lines if "Scan" in line]
    assert len(scans) >= 4  # a month each, and what belongs to none
    assert all("reconcile_at_idx" in line for line in scans)


async def test_what_was_parked_after_a_failover_in_vain_is_published_as_one_attempt(
    silent: PostgresSilentDeliveries, database: Database
) -> None:
    """Two providers refused, and the second asked for two hours, which are over by now."""
    one = await stored(database, silent_for=3 * HOUR)
    ids = {"notification_id": one.id, "delivery_id": one.deliveries[0].id}
    refused, due = now() - 2 * HOUR, now() - SLACK
    failed_over = outcome(OutcomeKind.DELIVERY_ATTEMPTED, attempt=1, at=refused, **ids)
    postponed = outcome(
        OutcomeKind.DEFERRED,
        attempt=0,
        at=refused + timedelta(seconds=1),
        next_attempt_at=due,
        parked=True,
        next_retry_count=0,
        **ids,
    )
    await PostgresOutcomeRecorder(database).record([failed_over, postponed])
    assert (await published(database))[one.deliveries[0].id].retry_count == 0
    async with database.transaction() as connection:
        await connection.execute(delete(outbox))
    assert await silent.publish_again(100) == 0
    await wait(database, one, 2 * HOUR)
    assert await silent.publish_again(100) == 1
    assert (await published(database))[one.deliveries[0].id].retry_count == 0

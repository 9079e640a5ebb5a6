"""The months of the history in PostgreSQL, beside others who work with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from months_suite import JULY, JUNE, MAY, Calendar, MonthsSuite, an_id_of
from samples import delivery, notification, outcome
from sqlalchemy import insert, text
from store_suite import put
from uuid_utils.compat import uuid7

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_months import MOST_MOVED, PostgresMonths
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.tables import batches
from api_gateway.domain.month import Month
from api_gateway.usecases.history_ports import MonthBusyError
from api_gateway.usecases.keep_months import KeepMonths
from contracts.notification import NotificationStatus
from contracts.outcome import OutcomeKind
from servicekit.database import Database
from servicekit.testing import temporary_database

SERVICE_FOLDER = Path(__file__).parents[2]
Status = NotificationStatus


@pytest_asyncio.fixture(scope="module")
async def calendars_database() -> AsyncIterator[Database]:
    """Not that of the others: months go here."""
    async with temporary_database(SERVICE_FOLDER) as url:
        database = Database(url, name="tests", pool_size=10, statement_seconds=60)
        yield database
        await database.close()


@pytest_asyncio.fixture
async def own(calendars_database: Database) -> AsyncIterator[Database]:
    """Without anything of 2025 at the end."""
    yield calendars_database
    async with calendars_database.transaction() as connection:
        for month in (MAY, JUNE, JULY):
            for table in ("notifications", "deliveries", "notification_events"):
                await connection.execute(text(f"DROP TABLE IF EXISTS {table}_{month}"))
        for table in ("notifications", "deliveries", "notification_events", "batches"):
            await connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608


@pytest.fixture
def months(own: Database) -> PostgresMonths:
    return PostgresMonths(own)


async def store(database: Database, key: UUID, **changes: Any) -> Any:
    created = datetime.fromtimestamp((key.int >> 80) / 1000, UTC)
    one = notification(id=key, created_at=created, **changes)
    await put(PostgresNotificationStore(database), one)
    return one


class TestPostgresMonths(MonthsSuite):
    @pytest.fixture
    def calendar(self, own: Database, months: PostgresMonths) -> Calendar:
        async def put(key: UUID, finished: bool) -> None:
            one = await store(own, key)
            if finished:
                sent = outcome(notification_id=key, delivery_id=one.deliveries[0].id)
                assert await PostgresOutcomeRecorder(own).record([sent]) == set()

        async def place_of(key: UUID) -> Month | str | None:
            return await place(own, key)

        async def put_batch(month: Month) -> None:
            async with own.transaction() as connection:
                await connection.execute(
                    insert(batches).values(
                        id=uuid4(),
                        client_id="application:a",
                        created_at=month.begin,
                        total=1,
                        rejected=0,
                    )
                )

        return Calendar(months, put, place_of, put_batch, MOST_MOVED)


async def place(database: Database, key: UUID) -> Month | str | None:
    """Where a notification is, with all that belongs to it."""
    async with database.transaction() as connection:
        rows = await connection.execute(
            text(
                "SELECT replace(tableoid::regclass::text, 'notifications_', '') "
                "FROM notifications WHERE id = :id UNION "
                "SELECT replace(tableoid::regclass::text, 'deliveries_', '') "
                "FROM deliveries WHERE notification_id = :id UNION "
                "SELECT replace(tableoid::regclass::text, 'notification_events_', '') "
                "FROM notification_events WHERE notification_id = :id"
            ),
            {"id": key},
        )
        names = rows.scalars().all()
    if not names:
        return None
    [name] = names  # all of it in one month
    return "no month" if name == "default" else Month(*map(int, name.split("_")))


async def test_a_fresh_database_has_this_month_and_two_ahead(months: PostgresMonths) -> None:
    done = await KeepMonths(months, retention=None, now=lambda: datetime.now(UTC))()
    assert (done.created, done.busy) == ([], [])


async def test_any_number_of_relays_make_and_drop_a_month_once(
    own: Database, months: PostgresMonths
) -> None:
    for key in [an_id_of(JUNE) for _ in range(50)]:
        await store(own, key)
    assert sorted(await asyncio.gather(*(months.create(JUNE) for _ in range(8)))) == (
        [False] * 7 + [True]
    )
    dropped = await asyncio.gather(*(months.drop(JUNE) for _ in range(8)))
    assert sorted(dropped, key=str) == [50, *[None] * 7]


async def in_a_later_round(act: Callable[[], Awaitable[Any]]) -> Any:
    """As the relay does: whoever else holds a lock, a vacuum perhaps, is waited for."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(MonthBusyError):
                return await act()
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("act", ["create", "drop"])
async def test_whoever_holds_the_history_is_not_waited_for_long(
    own: Database, months: PostgresMonths, act: str
) -> None:
    if act == "drop":
        await months.create(JUNE)
    key = await store(own, an_id_of(JUNE))
    async with own.engine.connect() as connection:
        await connection.execute(text("SELECT * FROM notifications FOR UPDATE"))
        async with asyncio.timeout(2):
            with pytest.raises(MonthBusyError):
                await getattr(months, act)(JUNE)
            # And nobody waits behind it.
            await store(own, uuid7())
        await connection.rollback()
    assert (JUNE in await months.stored()) is (act == "drop")
    assert await in_a_later_round(lambda: getattr(months, act)(JUNE)) == 1
    assert await place(own, key.id) == ("no month" if act == "drop" else JUNE)


async def test_accepting_goes_on_while_months_come_and_go(
    own: Database, months: PostgresMonths
) -> None:
    for key in [an_id_of(JUNE) for _ in range(300)]:
        await store(own, key)
    done = asyncio.Event()
    waits = []

    async def accept() -> None:
        while not done.is_set():
            begun = asyncio.get_running_loop().time()
            await store(own, uuid7())
            waits.append(asyncio.get_running_loop().time() - begun)

    async def keep() -> None:
        for _ in range(5):
            while not await _unless_busy(months.create(JUNE)):
                pass
            while await _unless_busy(months.drop(JUNE)) is None:
                pass
        done.set()

    async with asyncio.timeout(60):
        await asyncio.gather(keep(), *(accept() for _ in range(4)))
    assert len(waits) > 20
    assert max(waits) < 2


async def _unless_busy(act: Any) -> Any:
    try:
        return await act
    except MonthBusyError:
        return None


async def test_what_is_kept_is_whole_and_goes_on(own: Database, months: PostgresMonths) -> None:
    await months.create(MAY)
    one = await store(own, an_id_of(MAY), deliveries=(delivery(), delivery()))
    ids = {"notification_id": one.id}
    sent = outcome(delivery_id=one.deliveries[0].id, **ids)
    assert await PostgresOutcomeRecorder(own).record([sent]) == set()
    scheduled = await store(own, an_id_of(MAY), deliveries=(), status=Status.SCHEDULED)
    before = [await PostgresHistory(own).find(key) for key in (one.id, scheduled.id)]
    # Delivered to one device, and still on its way to another.
    assert before[0] is not None
    assert before[0].status is Status.DELIVERED
    assert await months.drop(MAY) == 2
    assert [await PostgresHistory(own).find(key) for key in (one.id, scheduled.id)] == before
    other = outcome(OutcomeKind.BOUNCED, delivery_id=one.deliveries[1].id, **ids)
    assert await PostgresOutcomeRecorder(own).record([other]) == set()
    assert await months.delete_finished(None, JUNE, 10) == 1
    assert await PostgresHistory(own).find(one.id) is None
    assert await PostgresHistory(own).find(scheduled.id) == before[1]


async def test_no_delivery_or_event_is_left_of_what_was_dropped(
    own: Database, months: PostgresMonths
) -> None:
    await months.create(MAY)
    for month in (MAY, MAY, JUNE):
        one = await store(own, an_id_of(month))
        sent = outcome(notification_id=one.id, delivery_id=one.deliveries[0].id)
        await PostgresOutcomeRecorder(own).record([sent])
    assert await months.drop(MAY) == 0
    assert await months.delete_finished(None, JULY, 10) == 1
    async with own.transaction() as connection:
        for table in ("notifications", "deliveries", "notification_events"):
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # noqa: S608


async def test_an_outcome_of_what_was_dropped_belongs_to_nothing(
    own: Database, months: PostgresMonths
) -> None:
    await months.create(MAY)
    one = await store(own, an_id_of(MAY))
    sent = outcome(notification_id=one.id, delivery_id=one.deliveries[0].id)
    recorder = PostgresOutcomeRecorder(own)
    assert await recorder.record([sent]) == set()
    assert await months.drop(MAY) == 0
    late = sent.model_copy(update={"kind": OutcomeKind.BOUNCED, "at": sent.at + timedelta(days=1)})
    assert await recorder.record([late]) == {late.event_id}


async def test_a_month_that_was_made_is_as_the_migration_made_the_others(
    own: Database, months: PostgresMonths
) -> None:
    await months.create(MAY)
    async with own.transaction() as connection:

        async def shape(month: str, table: str) -> set[str]:
            rows = await connection.execute(
                text("SELECT indexdef FROM pg_indexes WHERE tablename = :name"),
                {"name": f"{table}_{month}"},
            )
            return {row.replace(month, "month") for row in rows.scalars()}

        for table in ("notifications", "deliveries", "notification_events"):
            ours = await shape(str(MAY), table)
            assert ours == await shape(str(Month.of(datetime.now(UTC))), table)
            assert ours

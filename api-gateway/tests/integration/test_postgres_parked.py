"""Deliveries that no queue holds, and how long the silence of one may last."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import notification, outcome
from sqlalchemy import Row, delete, select, update
from store_suite import put

from api_gateway.adapters.backlog_gauge import BacklogGauge
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outbox import PostgresOutbox
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.tables import deliveries, outbox
from api_gateway.domain.build_message import build_message
from api_gateway.domain.notification import Notification
from contracts.delivery_message import DeliveryMessage
from contracts.names import LANES
from contracts.notification import AmbiguousPolicy
from contracts.outcome import DeliveryOutcome, OutcomeKind
from servicekit.database import Database

HOUR = timedelta(hours=1)
SLACK = timedelta(seconds=30)


@pytest.fixture
def recorder(database: Database) -> PostgresOutcomeRecorder:
    return PostgresOutcomeRecorder(database)


async def published(database: Database) -> Notification:
    """A notification whose message has left the outbox."""
    one = notification(ambiguous=AmbiguousPolicy.HOLD, traceparent="00-" + "a" * 52)
    await put(PostgresNotificationStore(database), one)
    async with database.transaction() as connection:
        await connection.execute(delete(outbox).where(outbox.c.delivery_id == one.deliveries[0].id))
    return one


def deferred(one: Notification, due: datetime, **changes: Any) -> DeliveryOutcome:
    values = {"attempt": 0, "parked": True, "next_retry_count": 2, "next_attempt_at": due}
    return outcome(
        OutcomeKind.DEFERRED,
        notification_id=one.id,
        delivery_id=one.deliveries[0].id,
        **{**values, **changes},
    )


async def waiting(database: Database, one: Notification) -> list[Row[Any]]:
    async with database.transaction() as connection:
        rows = await connection.execute(
            select(outbox).where(outbox.c.delivery_id == one.deliveries[0].id)
        )
        return list(rows)


async def reconcile_at(database: Database, one: Notification) -> datetime:
    async with database.transaction() as connection:
        at = await connection.scalar(
            select(deliveries.c.reconcile_at).where(deliveries.c.notification_id == one.id)
        )
    assert isinstance(at, datetime)
    return at


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_parked_delivery_waits_in_the_outbox_until_it_is_due(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one, due = await published(database), now() + timedelta(hours=5)
    event = deferred(one, due)
    assert await recorder.record([event, event]) == set()
    assert await recorder.record([event]) == set()
    [row] = await waiting(database, one)
    assert row.leased_until == row.stored_at == due
    assert DeliveryMessage.model_validate_json(row.body) == build_message(
        one, one.deliveries[0], retry_count=2, not_before=due
    )
    assert (row.routing_key, row.correlation_id) == ("email.queue", one.correlation_id)


async def test_a_parked_delivery_comes_back_with_what_it_has_met(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one = await published(database)
    await recorder.record(
        [deferred(one, now() + HOUR, next_provider_failures=3, pinned_provider="smtp-b")]
    )
    [row] = await waiting(database, one)
    message = DeliveryMessage.model_validate_json(row.body)
    assert (message.provider_failures, message.pinned_provider) == (3, "smtp-b")


async def test_nobody_leases_a_parked_row_before_its_time(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    early, late = await published(database), await published(database)
    await recorder.record(
        [deferred(early, now() + HOUR), deferred(late, now() - timedelta(seconds=1))]
    )
    leased = {
        message.delivery_id
        for message in await PostgresOutbox(database).lease(dict.fromkeys(LANES, 10_000))
    }
    assert late.deliveries[0].id in leased
    assert early.deliveries[0].id not in leased


async def broker_is_away() -> None:
    raise ConnectionError("not connected to RabbitMQ")


async def test_parked_rows_neither_hide_nor_feign_a_backlog(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    async with database.transaction() as connection:
        await connection.execute(delete(outbox))
    gauge = BacklogGauge(database, broker_is_away, most_of_a_caller=1_000)
    await recorder.record([deferred(await published(database), now() + timedelta(days=2))])
    await gauge.measure()
    gauge.check("application:a")
    stuck = notification()
    await put(PostgresNotificationStore(database), stuck)
    async with database.transaction() as connection:
        await connection.execute(
            update(outbox)
            .where(outbox.c.delivery_id == stuck.deliveries[0].id)
            .values(stored_at=now() - timedelta(minutes=11))
        )
    await gauge.measure()
    with pytest.raises(Exception, match="have waited 66"):
        gauge.check("application:a")
    async with database.transaction() as connection:
        await connection.execute(delete(outbox))


@pytest.mark.parametrize("kind", [OutcomeKind.SENT, OutcomeKind.FAILED, OutcomeKind.UNKNOWN])
@pytest.mark.parametrize("together", [True, False])
async def test_what_has_ended_is_not_parked_for_an_event_that_comes_late(
    recorder: PostgresOutcomeRecorder, database: Database, kind: OutcomeKind, together: bool
) -> None:
    one = await published(database)
    end = outcome(kind, notification_id=one.id, delivery_id=one.deliveries[0].id)
    late = deferred(one, now() + HOUR)
    for batch in [[late, end]] if together else [[end], [late]]:
        assert await recorder.record(batch) == set()
    assert await waiting(database, one) == []


async def test_a_deferral_of_an_earlier_generation_is_not_parked(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one = await published(database)
    replayed = outcome(
        OutcomeKind.REPLAYED,
        notification_id=one.id,
        delivery_id=one.deliveries[0].id,
        generation=1,
        attempt=0,
    )
    await recorder.record([replayed])
    await recorder.record([deferred(one, now() + HOUR)])
    assert await waiting(database, one) == []
    await recorder.record([deferred(one, now() + HOUR, generation=1, next_retry_count=0)])
    [row] = await waiting(database, one)
    message = DeliveryMessage.model_validate_json(row.body)
    assert (message.generation, message.retry_count) == (1, 0)


async def test_a_deferral_that_a_queue_holds_is_not_parked(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one = await published(database)
    await recorder.record([deferred(one, now() + HOUR, parked=False)])
    assert await waiting(database, one) == []


async def test_a_delivery_may_be_silent_for_an_hour_from_its_beginning(database: Database) -> None:
    one = await published(database)
    assert abs(await reconcile_at(database, one) - now() - HOUR) < SLACK


@pytest.mark.parametrize(
    ("next_attempt_in", "silent_for"),
    [(None, HOUR), (timedelta(minutes=-5), HOUR), (timedelta(hours=3), 4 * HOUR)],
)
async def test_each_event_moves_the_time_by_which_the_next_is_awaited(
    recorder: PostgresOutcomeRecorder,
    database: Database,
    next_attempt_in: timedelta | None,
    silent_for: timedelta,
) -> None:
    one = await published(database)
    async with database.transaction() as connection:
        await connection.execute(
            update(deliveries)
            .where(deliveries.c.notification_id == one.id)
            .values(reconcile_at=now() - HOUR)
        )
    attempted = outcome(
        OutcomeKind.DELIVERY_ATTEMPTED,
        notification_id=one.id,
        delivery_id=one.deliveries[0].id,
        next_attempt_at=now() + next_attempt_in if next_attempt_in is not None else None,
    )
    await recorder.record([attempted])
    awaited = await reconcile_at(database, one)
    assert abs(awaited - now() - silent_for) < SLACK
    await recorder.record([attempted])
    assert await reconcile_at(database, one) == awaited


async def test_an_event_that_decides_nothing_is_no_sign_of_life(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one = await published(database)
    ids = {"notification_id": one.id, "delivery_id": one.deliveries[0].id}
    await recorder.record([outcome(OutcomeKind.REPLAYED, generation=1, attempt=0, **ids)])
    awaited = await reconcile_at(database, one)
    await recorder.record([outcome(OutcomeKind.FAILED, generation=0, attempt=6, **ids)])
    assert await reconcile_at(database, one) == awaited


async def test_a_failed_attempt_that_no_queue_holds_is_parked_like_a_deferral(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one, due = await published(database), now() + timedelta(hours=3)
    attempted = outcome(
        OutcomeKind.DELIVERY_ATTEMPTED,
        notification_id=one.id,
        delivery_id=one.deliveries[0].id,
        attempt=1,
        parked=True,
        next_retry_count=1,
        next_attempt_at=due,
    )
    await recorder.record([attempted])
    await recorder.record([attempted])
    [row] = await waiting(database, one)
    assert row.leased_until == due
    assert DeliveryMessage.model_validate_json(row.body).retry_count == 1


async def test_the_same_deferral_after_it_was_published_parks_it_once_more(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    """A message that was parked begins anew, so its next deferral has the id of its first."""
    one, due = await published(database), now() + timedelta(hours=2)
    first = deferred(one, due)
    await recorder.record([first])
    async with database.transaction() as connection:
        await connection.execute(delete(outbox).where(outbox.c.delivery_id == one.deliveries[0].id))
    later = timedelta(hours=2)
    second = first.model_copy(update={"at": first.at + later, "next_attempt_at": due + later})
    for _ in range(2):
        await recorder.record([second])
        await recorder.record([first])
    [row] = await waiting(database, one)
    assert row.leased_until == due + later


async def test_an_attempt_at_the_end_of_the_calendar_can_be_recorded_and_read(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one = await published(database)
    event = deferred(one, datetime(9999, 12, 31, 23, 30, tzinfo=UTC), parked=False)
    await recorder.record([event])
    assert await recorder.record([event]) == set()

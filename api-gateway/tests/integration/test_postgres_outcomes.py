import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from samples import NOW, delivery, notification, outcome
from store_suite import put

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.domain.notification import Notification
from api_gateway.usecases.relay_ports import UnstorableOutcomesError
from contracts.notification import NotificationStatus
from contracts.outcome import DeliveryOutcome, OutcomeKind
from servicekit.database import Database

Status = NotificationStatus


@pytest.fixture
def recorder(database: Database) -> PostgresOutcomeRecorder:
    return PostgresOutcomeRecorder(database)


async def stored(database: Database, deliveries: int = 1) -> Notification:
    one = notification(deliveries=tuple(delivery() for _ in range(deliveries)))
    await put(PostgresNotificationStore(database), one)
    return one


async def found(database: Database, one: Notification) -> Notification:
    again = await PostgresHistory(database).find(one.id)
    assert again is not None
    return again


def of(one: Notification, kind: OutcomeKind, index: int = 0, **changes: Any) -> DeliveryOutcome:
    return outcome(kind, notification_id=one.id, delivery_id=one.deliveries[index].id, **changes)


def course_of(one: Notification) -> list[DeliveryOutcome]:
    """Two attempts, then an end, for each delivery.

    The first is delivered, and complained about; the others fail and become dead letters, of which
    the second is replayed, delivered and bounces.
    """
    first, second = 0, 1
    events = []

    def happens(kind: OutcomeKind, index: int, second: int, **changes: Any) -> None:
        events.append(of(one, kind, index, at=NOW + timedelta(seconds=second), **changes))

    for index in range(len(one.deliveries)):
        for attempt in (1, 2):
            happens(OutcomeKind.DELIVERY_ATTEMPTED, index, attempt, attempt=attempt, reason="busy")
        happens(OutcomeKind.DEFERRED, index, 3, attempt=0, next_retry_count=2, reason="limit")
        if index == first:
            happens(OutcomeKind.SENT, index, 9, attempt=3)
            happens(OutcomeKind.COMPLAINED, index, 60, attempt=0, reason="spam")
            continue
        happens(OutcomeKind.FAILED, index, 9, attempt=3, reason="smtp_550")
        happens(OutcomeKind.DEAD_LETTERED, index, 10, attempt=0, reason="permanent")
        if index == second:
            happens(OutcomeKind.REPLAYED, index, 20, attempt=0, generation=1)
            happens(OutcomeKind.SENT, index, 21, attempt=1, generation=1)
            happens(OutcomeKind.BOUNCED, index, 80, attempt=0, generation=1)
    return events


def comparable(one: Notification) -> tuple[object, ...]:
    deliveries = [
        (d.status, d.attempts, d.provider, d.provider_message_id, d.reason) for d in one.deliveries
    ]
    timeline = [(e.kind, e.status, e.at, e.attempt, e.reason) for e in one.timeline]
    return one.status, one.reason, deliveries, sorted(timeline, key=repr)


async def test_an_outcome_moves_the_notification_and_is_kept_in_full(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one = await stored(database)
    event = of(
        one,
        OutcomeKind.FAILED,
        reason="invalid_recipient",
        detail="550 no such user",
        reply_code="550",
        latency_ms=12.5,
        provider_message_id="m-1",
    )
    assert await recorder.record([event]) == set()
    after = await found(database, one)
    assert (after.status, after.reason) == (Status.FAILED, "invalid_recipient")
    assert after.updated_at > one.updated_at
    [only] = after.deliveries
    assert (only.status, only.attempts, only.provider_message_id) == (Status.FAILED, 1, "m-1")
    kept = after.timeline[-1]
    assert (kept.kind, kept.detail, kept.reply_code, kept.latency_ms, kept.delivery_id) == (
        "failed",
        "550 no such user",
        "550",
        12.5,
        only.id,
    )


async def test_neither_order_nor_batches_nor_repetition_change_what_is_stored(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    dice = random.Random(20261120)
    results: list[tuple[object, ...]] = []
    for _ in range(8):
        one = await stored(database, deliveries=3)
        course = course_of(one)
        events = course + dice.choices(course, k=6)
        dice.shuffle(events)
        while events:
            size = dice.randint(1, len(events))
            batch, events = events[:size], events[size:]
            assert await recorder.record(batch) == set()
        results.append(comparable(await found(database, one)))
    assert results == [results[0]] * len(results)
    status, _, deliveries, _ = results[0]
    assert status is Status.DELIVERED
    assert isinstance(deliveries, list)
    assert [item[0] for item in deliveries] == [Status.DELIVERED, Status.BOUNCED, Status.FAILED]
    assert [item[-1] for item in deliveries] == ["spam", None, "smtp_550"]


async def test_tells_which_events_belong_to_nothing_and_records_the_others(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one, other = await stored(database), await stored(database)
    strangers = [
        outcome(),
        outcome(notification_id=one.id),
        outcome(delivery_id=one.deliveries[0].id),
        of(one, OutcomeKind.SENT).model_copy(update={"notification_id": "not-an-id"}),
        outcome(notification_id=other.id, delivery_id=one.deliveries[0].id),
    ]
    known = [of(one, OutcomeKind.SENT), of(other, OutcomeKind.EXPIRED)]
    unknown = await recorder.record([*strangers, *known])
    assert unknown == {event.event_id for event in strangers}
    assert (await found(database, one)).status is Status.DELIVERED
    assert (await found(database, other)).status is Status.EXPIRED


@pytest.mark.parametrize(
    "changes",
    [
        {"reply_code": "5" * 101},
        {"reason": "r" * 101},
        {"provider": "p" * 51},
        {"detail": "a\0b"},
        {"attempt": 2**40},
        {"generation": 2**31},
    ],
)
async def test_what_can_never_be_stored_is_told_apart_from_a_database_that_is_away(
    recorder: PostgresOutcomeRecorder, database: Database, changes: dict[str, Any]
) -> None:
    one = await stored(database)
    with pytest.raises(UnstorableOutcomesError):
        await recorder.record(
            [of(one, OutcomeKind.SENT), of(one, OutcomeKind.DELIVERY_ATTEMPTED, **changes)]
        )
    assert (await found(database, one)).status is Status.PENDING


async def test_two_recorders_on_the_same_notifications_do_not_lock_each_other_out(
    recorder: PostgresOutcomeRecorder, database: Database, database_url: str
) -> None:
    other_database = Database(database_url, name="other-relay")
    other = PostgresOutcomeRecorder(other_database)
    ones = [await stored(database, deliveries=2) for _ in range(15)]
    dice = random.Random(7)

    def shuffled() -> Sequence[DeliveryOutcome]:
        events = [event for one in ones for event in course_of(one)]
        dice.shuffle(events)
        return events

    async with asyncio.timeout(20):
        results = await asyncio.gather(
            *(one.record(shuffled()) for one in (recorder, other) for _ in range(6))
        )
    assert results == [set()] * 12
    for one in ones:
        assert (await found(database, one)).status is Status.DELIVERED
    await other_database.close()


async def test_devices_of_one_notification_reported_at_once_leave_its_true_state(
    recorder: PostgresOutcomeRecorder, database: Database
) -> None:
    one = await stored(database, deliveries=8)
    await asyncio.gather(
        *(recorder.record([of(one, OutcomeKind.FAILED, index)]) for index in range(8))
    )
    after = await found(database, one)
    assert after.status is Status.FAILED
    assert {item.status for item in after.deliveries} == {Status.FAILED}


async def test_an_event_of_no_notification_at_all_is_unknown(
    recorder: PostgresOutcomeRecorder,
) -> None:
    stranger = outcome(notification_id=uuid4())
    assert await recorder.record([stranger]) == {stranger.event_id}

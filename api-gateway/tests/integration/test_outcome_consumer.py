import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest_asyncio
from aio_pika.abc import AbstractChannel
from queues import channel_to, is_empty, purge, send_event, take, until
from samples import delivery, notification, outcome
from store_suite import put
from structlog.testing import capture_logs

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.consumers.outcomes import OutcomeConsumer
from api_gateway.domain.notification import Notification
from api_gateway.usecases.record_outcomes import RecordOutcomes
from api_gateway.usecases.relay_ports import OutcomeRecorder
from contracts.names import FAILED_QUEUE, OUTCOMES_QUEUE
from contracts.notification import NotificationStatus
from contracts.outcome import DeliveryOutcome, OutcomeKind
from servicekit.database import Database, DatabaseUnavailableError
from servicekit.tasks import TaskEndedError


@pytest_asyncio.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    async with channel_to(amqp_url) as channel:
        await purge(channel, OUTCOMES_QUEUE, FAILED_QUEUE)
        yield channel


@asynccontextmanager
async def consuming(amqp_url: str, recorder: OutcomeRecorder) -> AsyncIterator[OutcomeConsumer]:
    consumer = OutcomeConsumer(amqp_url, RecordOutcomes(recorder))
    consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def stored(database: Database) -> Notification:
    one = notification(deliveries=(delivery(),))
    await put(PostgresNotificationStore(database), one)
    return one


def sent(one: Notification, **changes: object) -> DeliveryOutcome:
    return outcome(
        OutcomeKind.SENT, notification_id=one.id, delivery_id=one.deliveries[0].id, **changes
    )


async def report(channel: AbstractChannel, *events: DeliveryOutcome) -> None:
    for event in events:
        await send_event(channel, event.routing_key, event.model_dump_json().encode())


async def until_delivered(database: Database, *ones: Notification) -> None:
    async def all_are() -> bool:
        found = [await PostgresHistory(database).find(one.id) for one in ones]
        return all(one and one.status is NotificationStatus.DELIVERED for one in found)

    await until(all_are)


class CountingRecorder:
    """Notes the sizes of batches; raises `errors` first, one at each call."""

    def __init__(self, database: Database, *errors: Exception) -> None:
        self._inner = PostgresOutcomeRecorder(database)
        self.errors = list(errors)
        self.sizes: list[int] = []

    async def record(self, outcomes: Sequence[DeliveryOutcome]) -> set[UUID]:
        if self.errors:
            raise self.errors.pop(0)
        self.sizes.append(len(outcomes))
        return await self._inner.record(outcomes)


async def test_events_are_recorded_in_batches_and_acknowledged(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    ones = [await stored(database) for _ in range(30)]
    await report(channel, *(sent(one) for one in ones), *(sent(one) for one in ones))
    recorder = CountingRecorder(database)
    async with consuming(amqp_url, recorder) as consumer:
        await until_delivered(database, *ones)
        await consumer.check()

        async def all_were_recorded() -> bool:
            return sum(recorder.sizes) == 60

        await until(all_were_recorded)
    assert len(recorder.sizes) < 30
    assert await is_empty(channel, OUTCOMES_QUEUE)
    assert await is_empty(channel, FAILED_QUEUE)


async def test_what_cannot_be_recorded_ends_among_the_dead_letters_alone(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    good = [await stored(database) for _ in range(3)]
    poisoned = await stored(database)
    bad = [
        b"not json",
        b'{"v": 1}',
        outcome().model_dump_json().encode(),
        sent(poisoned, reason="r" * 101).model_dump_json().encode(),
        sent(poisoned, detail="a\0b").model_dump_json().encode(),
        sent(poisoned).model_dump_json().replace("12:00:00Z", "12:00:00").encode(),
    ]
    for body in bad:
        await send_event(channel, "notification.sent", body)
    await report(channel, *(sent(one) for one in good))
    async with consuming(amqp_url, PostgresOutcomeRecorder(database)):
        await until_delivered(database, *good)
        dead = await take(channel, FAILED_QUEUE, len(bad))
    assert {message.body for message in dead} == set(bad)
    assert await is_empty(channel, OUTCOMES_QUEUE)
    found = await PostgresHistory(database).find(poisoned.id)
    assert found is not None
    assert found.status is NotificationStatus.PENDING


async def test_a_batch_is_tried_again_until_it_is_stored_and_readiness_says_so(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    one = await stored(database)
    recorder = CountingRecorder(
        database, DatabaseUnavailableError("away"), RuntimeError("a defect of ours")
    )
    seen: list[str] = []

    async def pause(_: float) -> None:
        try:
            await consumer.check()
        except RuntimeError as error:
            seen.append(str(error))
        await asyncio.sleep(0)

    consumer = OutcomeConsumer(amqp_url, RecordOutcomes(recorder, sleep=pause))
    with capture_logs() as lines:
        consumer.start()
        await report(channel, sent(one))
        await until_delivered(database, one)
        await consumer.check()
        await consumer.stop()
    assert seen == ["away", "RuntimeError"]
    levels = [line["log_level"] for line in lines if line["event"] == "outcomes.not_recorded"]
    assert levels == ["warning", "error"]
    assert await is_empty(channel, OUTCOMES_QUEUE)
    assert await is_empty(channel, FAILED_QUEUE)


async def test_what_was_not_recorded_at_the_stop_comes_again(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    one = await stored(database)
    asked = asyncio.Event()

    class Never:
        async def record(self, _: Sequence[DeliveryOutcome]) -> set[UUID]:
            asked.set()
            await asyncio.Event().wait()
            return set()

    await report(channel, sent(one))
    async with consuming(amqp_url, Never()):
        await asyncio.wait_for(asked.wait(), 10)
    async with consuming(amqp_url, PostgresOutcomeRecorder(database)):
        await until_delivered(database, one)


async def test_readiness_says_that_nothing_is_recorded_any_more(
    amqp_url: str, channel: AbstractChannel
) -> None:
    class Ending:
        async def record(self, _: Sequence[DeliveryOutcome]) -> set[UUID]:
            raise asyncio.CancelledError

    async with consuming(amqp_url, Ending()) as consumer:
        await until(lambda: succeeds(consumer.check))
        await report(channel, outcome())

        async def says_so() -> bool:
            try:
                await consumer.check()
            except TaskEndedError as error:
                return "gateway.outcomes-consumer" in str(error)
            return False

        await until(says_so)


async def succeeds(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        await check()
    except ConnectionError:
        return False
    return True

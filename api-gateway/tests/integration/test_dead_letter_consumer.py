"""The drain of `failed.queue`, on a real broker and a real database."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aio_pika
import pytest_asyncio
from aio_pika.abc import AbstractChannel, HeadersType
from queues import channel_to, is_empty, purge, send_event, until
from samples import message_of, notification, outcome
from sqlalchemy import Row, select
from store_suite import put

from api_gateway.adapters.postgres_dead_letter_keeper import PostgresDeadLetterKeeper
from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.tables import dead_letters
from api_gateway.consumers.dead_letters import DeadLetterConsumer
from api_gateway.consumers.outcomes import OutcomeConsumer
from api_gateway.domain.failed_message import NewDeadLetter
from api_gateway.domain.notification import Notification
from api_gateway.usecases.keep_dead_letters import KeepDeadLetters
from api_gateway.usecases.record_outcomes import RecordOutcomes
from api_gateway.usecases.relay_ports import DeadLetterKeeper
from contracts.delivery_message import HEADER_DEAD_DETAIL, HEADER_DEAD_REASON
from contracts.names import FAILED_QUEUE, OUTCOMES_QUEUE
from contracts.notification import NotificationStatus
from servicekit.database import Database, DatabaseUnavailableError
from servicekit.metrics import Metrics


@pytest_asyncio.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    async with channel_to(amqp_url) as channel:
        await purge(channel, OUTCOMES_QUEUE, FAILED_QUEUE)
        yield channel


@asynccontextmanager
async def draining(
    amqp_url: str, keeper: DeadLetterKeeper, metrics: Metrics | None = None
) -> AsyncIterator[DeadLetterConsumer]:
    keep = KeepDeadLetters(keeper, now=lambda: datetime.now(UTC))
    consumer = DeadLetterConsumer(amqp_url, keep, metrics or Metrics())
    consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def stored(database: Database) -> Notification:
    one = notification()
    await put(PostgresNotificationStore(database), one)
    return one


def body_of(one: Notification) -> bytes:
    return message_of(one, one.deliveries[0]).model_dump_json().encode()


async def send(
    channel: AbstractChannel, *bodies: bytes, headers: HeadersType | None = None
) -> None:
    for body in bodies:
        await channel.default_exchange.publish(
            aio_pika.Message(body, headers=headers), FAILED_QUEUE
        )


async def letters_of(database: Database, *bodies: bytes) -> list[Row[Any]]:
    async with database.transaction() as connection:
        rows = await connection.execute(
            select(dead_letters).where(dead_letters.c.body.in_(bodies)).order_by(dead_letters.c.id)
        )
        return list(rows)


async def until_kept(database: Database, *bodies: bytes) -> list[Row[Any]]:
    async def are_kept() -> bool:
        return len(await letters_of(database, *bodies)) == len(bodies)

    await until(are_kept)
    return await letters_of(database, *bodies)


async def test_drains_what_workers_gave_up_and_acknowledges_it(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    ones = [await stored(database) for _ in range(130)]
    bodies = [body_of(one) for one in ones]
    headers: HeadersType = {HEADER_DEAD_REASON: "smtp_550", HEADER_DEAD_DETAIL: "no such user"}
    metrics = Metrics()
    await send(channel, *bodies, *bodies[:20], headers=headers)
    async with draining(amqp_url, PostgresDeadLetterKeeper(database), metrics) as consumer:
        rows = await until_kept(database, *bodies)

        async def all_were_counted() -> bool:
            return metrics.registry.get_sample_value("dead_letters_kept_total") == 150

        await until(all_were_counted)
        await consumer.check()
    assert {(row.reason, row.detail) for row in rows} == {("smtp_550", "no such user")}
    assert await is_empty(channel, FAILED_QUEUE)
    for one in ones:
        after = await PostgresHistory(database).find(one.id)
        assert after is not None
        assert (after.status, after.reason) == (NotificationStatus.FAILED, "smtp_550")


async def test_nothing_is_too_strange_to_be_kept(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    mark = secrets.token_bytes(8)
    good = body_of(await stored(database))
    strange = [
        mark,
        mark + b"\0\xff" * 1000,
        b'{"v": 1, "mark": "' + mark.hex().encode() + b'"}',
        body_of(notification()),
        b"{" * 100_000 + mark,
    ]
    headers: HeadersType = {"x-list": [1, 2], "x-nul": "a\0b", "x-none": None}
    await send(channel, *strange, good, headers=headers)
    async with draining(amqp_url, PostgresDeadLetterKeeper(database)):
        rows = await until_kept(database, *strange, good)
    assert {row.body for row in rows} == {*strange, good}
    assert sum(row.delivery_id is None for row in rows) == 4
    assert await is_empty(channel, FAILED_QUEUE)


async def test_an_outcome_that_was_refused_becomes_a_dead_letter_and_does_not_go_round(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    one = await stored(database)
    stranger = outcome().model_dump_json().encode()
    unstorable = outcome(notification_id=one.id, delivery_id=one.deliveries[0].id, reason="r" * 101)
    bodies = [stranger, unstorable.model_dump_json().encode(), secrets.token_bytes(9)]
    for body in bodies:
        await send_event(channel, "notification.sent", body)
    outcomes = OutcomeConsumer(amqp_url, RecordOutcomes(PostgresOutcomeRecorder(database)))
    outcomes.start()
    async with draining(amqp_url, PostgresDeadLetterKeeper(database)):
        rows = await until_kept(database, *bodies)
    await outcomes.stop()
    for row in rows:
        assert (row.reason, row.delivery_id) == ("outcome_refused", None)
        assert row.headers["x-first-death-queue"] == OUTCOMES_QUEUE
    assert {row.notification_id for row in rows} >= {one.id}
    assert await is_empty(channel, FAILED_QUEUE)
    assert await is_empty(channel, OUTCOMES_QUEUE)


async def test_a_database_that_is_away_costs_time_only_and_readiness_says_so(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    errors: list[Exception] = [DatabaseUnavailableError("away"), RuntimeError("a defect of ours")]
    seen: list[str] = []

    class Recovering:
        async def keep(self, letters: Sequence[NewDeadLetter]) -> int:
            if errors:
                raise errors.pop(0)
            return await PostgresDeadLetterKeeper(database).keep(letters)

    async def pause(_: float) -> None:
        try:
            await consumer.check()
        except RuntimeError as error:
            seen.append(str(error))

    keep = KeepDeadLetters(Recovering(), now=lambda: datetime.now(UTC), sleep=pause)
    consumer = DeadLetterConsumer(amqp_url, keep, Metrics())
    consumer.start()
    body = body_of(await stored(database))
    await send(channel, body)
    await until_kept(database, body)
    await consumer.check()
    await consumer.stop()
    assert seen == ["away", "RuntimeError"]
    assert await is_empty(channel, FAILED_QUEUE)


async def test_what_was_not_kept_at_the_stop_comes_again(
    amqp_url: str, channel: AbstractChannel, database: Database
) -> None:
    asked = asyncio.Event()

    class Never:
        async def keep(self, _: Sequence[NewDeadLetter]) -> int:
            asked.set()
            await asyncio.Event().wait()
            return 0

    body = body_of(await stored(database))
    await send(channel, body)
    async with draining(amqp_url, Never()):
        await asyncio.wait_for(asked.wait(), 10)
    async with draining(amqp_url, PostgresDeadLetterKeeper(database)):
        await until_kept(database, body)

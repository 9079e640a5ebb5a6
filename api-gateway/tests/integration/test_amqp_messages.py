from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio
from aio_pika.abc import AbstractChannel
from fake_ports import AlwaysAtOnce
from queues import channel_to, is_empty, purge, take
from samples import notification
from sqlalchemy import func, select
from store_suite import put

from api_gateway.adapters.amqp_messages import AmqpMessagePublisher
from api_gateway.adapters.outbox_queue import OutboxQueue
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outbox import PostgresOutbox
from api_gateway.adapters.tables import outbox
from api_gateway.usecases.ports import OutboxMessage, Stored
from contracts.delivery_message import HEADER_REPEATED
from contracts.names import NOTIFICATIONS_EXCHANGE
from servicekit.database import Database
from servicekit.publisher import Publisher

QUEUE = "email.queue"


@pytest_asyncio.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    async with channel_to(amqp_url) as channel:
        await purge(channel, QUEUE)
        yield channel


@pytest_asyncio.fixture
async def publisher(amqp_url: str) -> AsyncIterator[Publisher]:
    publisher = Publisher(amqp_url, name="tests", exchanges=(NOTIFICATIONS_EXCHANGE,))
    publisher.start()
    await publisher.connected()
    yield publisher
    await publisher.close()


async def just_stored(database: Database) -> OutboxMessage:
    stored = await put(PostgresNotificationStore(database), notification())
    assert isinstance(stored, Stored)
    [row] = stored.outbox
    return row


async def waits(database: Database, row: OutboxMessage) -> bool:
    async with database.transaction() as connection:
        return bool(await connection.scalar(select(func.count()).where(outbox.c.id == row.id)))


async def test_the_queue_publishes_what_was_stored_and_deletes_its_row(
    database: Database, publisher: Publisher, channel: AbstractChannel
) -> None:
    queue = OutboxQueue(PostgresOutbox(database), AmqpMessagePublisher(publisher), AlwaysAtOnce())
    queue.start()
    row = await just_stored(database)
    queue.offer([row])
    await queue.stop()
    [message] = await take(channel, QUEUE, 1)
    assert message.body == row.body
    assert (message.message_id, message.correlation_id) == (str(row.delivery_id), "corr-1")
    assert message.delivery_mode == 2
    assert HEADER_REPEATED not in message.headers
    assert not await waits(database, row)


async def test_rows_stay_when_the_broker_refuses_and_others_do_not_suffer(
    database: Database, publisher: Publisher, channel: AbstractChannel
) -> None:
    queue = OutboxQueue(PostgresOutbox(database), AmqpMessagePublisher(publisher), AlwaysAtOnce())
    queue.start()
    lost, good = await just_stored(database), await just_stored(database)
    queue.offer([replace(lost, routing_key="no.such.queue"), good])
    await queue.stop()
    [message] = await take(channel, QUEUE, 1)
    assert message.message_id == str(good.delivery_id)
    assert await waits(database, lost)
    assert not await waits(database, good)


async def test_rows_stay_while_the_broker_is_away(database: Database, unused_tcp_port: int) -> None:
    away = Publisher(
        f"amqp://u:p@127.0.0.1:{unused_tcp_port}/",
        name="tests",
        exchanges=(NOTIFICATIONS_EXCHANGE,),
    )
    away.start()
    queue = OutboxQueue(PostgresOutbox(database), AmqpMessagePublisher(away), AlwaysAtOnce())
    queue.start()
    row = await just_stored(database)
    queue.offer([row])
    await queue.stop()
    await away.close()
    assert await waits(database, row)


async def test_a_copy_that_may_be_repeated_says_so(
    publisher: Publisher, channel: AbstractChannel, database: Database
) -> None:
    row = replace(await just_stored(database), may_be_repeated=True)
    assert await AmqpMessagePublisher(publisher).publish([row]) == {row.id}
    [message] = await take(channel, QUEUE, 1)
    assert message.headers[HEADER_REPEATED] is True
    assert await is_empty(channel, QUEUE)

"""`failed.queue` deleted and declared again, which needs a broker that nobody else uses.

Such a broker is there in the whole repository only, not where this service is tested alone. What
the broker itself has to dead-letter meanwhile waits in its lane, and comes when the broker tries
again: after 180 s (RabbitMQ 3.10), too long to wait for here.
"""

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import PublishError
from queues import is_empty, until
from samples import message_of, notification
from sqlalchemy import func, select

from api_gateway.adapters.postgres_dead_letter_keeper import PostgresDeadLetterKeeper
from api_gateway.adapters.tables import dead_letters
from api_gateway.consumers.dead_letters import DeadLetterConsumer
from api_gateway.usecases.keep_dead_letters import KeepDeadLetters
from contracts.names import FAILED_QUEUE, NOTIFICATIONS_EXCHANGE
from servicekit.database import Database
from servicekit.metrics import Metrics

pytest.importorskip("devstack", reason="no private broker where the service is tested alone")

from devstack.binaries import find_binaries
from devstack.ports import PortBook
from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_files import USER

DEFINITIONS = Path(__file__).parents[3] / "rabbitmq-config" / "definitions.json"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RabbitMQ]:
    binaries = find_binaries()
    assert binaries.rabbitmq is not None
    assert binaries.epmd is not None
    ports = PortBook(tmp_path / "ports.json", random.SystemRandom())
    broker = RabbitMQ(binaries.rabbitmq, binaries.epmd, tmp_path / "rabbitmq", ports, DEFINITIONS)
    await broker.start()
    await broker.control("set_permissions", USER, ".*", ".*", ".*")
    try:
        yield broker
    finally:
        await broker.stop()


@asynccontextmanager
async def stopping(consumer: DeadLetterConsumer) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await consumer.stop()


async def declare_again(channel: aio_pika.abc.AbstractChannel) -> None:
    """As the definitions say."""
    definitions: Any = json.loads(DEFINITIONS.read_text())
    [queue] = [item for item in definitions["queues"] if item["name"] == FAILED_QUEUE]
    declared = await channel.declare_queue(
        FAILED_QUEUE, durable=queue["durable"], arguments=queue["arguments"]
    )
    await declared.bind(NOTIFICATIONS_EXCHANGE, FAILED_QUEUE)


async def test_nothing_is_lost_while_the_queue_is_missing_and_the_drain_comes_back_by_itself(
    broker: RabbitMQ, database: Database
) -> None:
    async def kept(bodies: list[bytes]) -> bool:
        async with database.transaction() as connection:
            counted = select(func.count()).where(dead_letters.c.body.in_(bodies))
            return await connection.scalar(counted) == len(bodies)

    async def is_down() -> bool:
        try:
            await consumer.check()
        except ConnectionError:
            return True
        return False

    async def is_up() -> bool:
        return not await is_down()

    def body() -> bytes:
        one = notification()
        return message_of(one, one.deliveries[0]).model_dump_json().encode()

    keep = KeepDeadLetters(PostgresDeadLetterKeeper(database), now=lambda: datetime.now(UTC))
    consumer = DeadLetterConsumer(broker.url, keep, Metrics())
    async with stopping(consumer), await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel(on_return_raises=True)
        consumer.start()
        await until(is_up, seconds=20)
        before, meanwhile = [body()], [body() for _ in range(20)]
        await channel.default_exchange.publish(aio_pika.Message(before[0]), FAILED_QUEUE)
        await until(lambda: kept(before))

        await channel.queue_delete(FAILED_QUEUE)
        await until(is_down, seconds=20)
        # Publishers learn that it is missing, and go on trying until it is back.
        exchange = await channel.get_exchange(NOTIFICATIONS_EXCHANGE, ensure=False)
        with pytest.raises(PublishError):
            await exchange.publish(aio_pika.Message(meanwhile[0]), FAILED_QUEUE, mandatory=True)

        await declare_again(channel)
        await until(is_up, seconds=20)
        for one in meanwhile:
            await exchange.publish(aio_pika.Message(one), FAILED_QUEUE, mandatory=True)
        await until(lambda: kept(meanwhile))
        assert await is_empty(channel, FAILED_QUEUE)

"""What is told about the broker's queues, on a real broker."""

import aio_pika
import pytest

from contracts.names import FAILED_QUEUE
from devstack.queues import messages_in, queues_are_empty
from devstack.servers import Servers


async def test_counts_what_waits_and_waits_until_nothing_does(servers: Servers) -> None:
    url = servers.amqp_url
    assert await messages_in(url, FAILED_QUEUE) == 0
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        for _ in range(2):
            await channel.default_exchange.publish(aio_pika.Message(b"x"), FAILED_QUEUE)
        assert await messages_in(url, FAILED_QUEUE) == 2
        with pytest.raises(TimeoutError, match=r"failed\.queue"):
            await queues_are_empty(url, [FAILED_QUEUE], seconds=0)
    await servers.rabbitmq.control("purge_queue", FAILED_QUEUE)
    await queues_are_empty(url, [FAILED_QUEUE], seconds=5)
    assert await messages_in(url, FAILED_QUEUE) == 0

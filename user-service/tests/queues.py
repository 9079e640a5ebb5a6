"""The broker's real queues, which tests may read and fill and not declare."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from contracts.names import EVENTS_EXCHANGE

Holds = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def channel_to(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(amqp_url)
    try:
        yield await connection.channel()
    finally:
        await connection.close()


async def purge(channel: AbstractChannel, *names: str) -> None:
    """Throw away what earlier tests left."""
    for name in names:
        queue = await channel.get_queue(name, ensure=False)
        while (message := await queue.get(fail=False)) is not None:
            await message.ack()


async def take(
    channel: AbstractChannel, name: str, count: int, *, seconds: float = 10.0
) -> list[AbstractIncomingMessage]:
    """The next messages of a queue; fails when they do not come."""
    queue = await channel.get_queue(name, ensure=False)
    taken: list[AbstractIncomingMessage] = []
    async with asyncio.timeout(seconds):
        while len(taken) < count:
            message = await queue.get(fail=False)
            if message is None:
                await asyncio.sleep(0.02)
                continue
            await message.ack()
            taken.append(message)
    return taken


async def is_empty(channel: AbstractChannel, name: str) -> bool:
    queue = await channel.get_queue(name, ensure=False)
    message = await queue.get(fail=False)
    if message is not None:
        await message.reject(requeue=True)
    return message is None


async def send_event(channel: AbstractChannel, routing_key: str, body: bytes) -> None:
    exchange = await channel.get_exchange(EVENTS_EXCHANGE, ensure=False)
    await exchange.publish(aio_pika.Message(body), routing_key)


async def until(holds: Holds, *, seconds: float = 10.0) -> None:
    """Wait until something has come about."""
    async with asyncio.timeout(seconds):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)

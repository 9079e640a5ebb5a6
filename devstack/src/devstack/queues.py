"""What waits in the broker, and when nothing moves there any more."""

import asyncio
import time
from collections.abc import Iterable

import aio_pika


async def queues_are_empty(amqp_url: str, queues: Iterable[str], *, seconds: float) -> None:
    """Wait until these queues hold no message.

    Raises:
        TimeoutError: Some still do; says which and how many.
    """
    deadline = time.monotonic() + seconds
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        while True:
            counts = {name: await _messages_in(channel, name) for name in queues}
            waiting = {name: count for name, count in counts.items() if count}
            if not waiting:
                return
            if time.monotonic() > deadline:
                msg = f"messages are still waiting: {waiting}"
                raise TimeoutError(msg)
            await asyncio.sleep(0.2)


async def messages_in(amqp_url: str, name: str) -> int:
    """How many messages wait in a queue; those that a consumer holds are not counted."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        return await _messages_in(await connection.channel(), name)


async def _messages_in(channel: aio_pika.abc.AbstractChannel, name: str) -> int:
    queue = await channel.declare_queue(name, passive=True)
    return queue.declaration_result.message_count or 0

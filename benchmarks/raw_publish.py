"""The limit for batches: aio-pika from one process, publishing with confirms, many at a time.

python -m benchmarks.raw_publish --amqp-url amqp://… --count 20000 --at-once 100
"""

import argparse
import asyncio
import time

import aio_pika
import uvloop

from benchmarks.naive_gateway import LANE
from contracts.names import NOTIFICATIONS_EXCHANGE

_BODY = b"x" * 700  # about what a delivery's message is


async def publish_all(amqp_url: str, count: int, at_once: int) -> float:
    """Publish so many messages, so many at a time; returns messages a second."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await channel.get_exchange(NOTIFICATIONS_EXCHANGE, ensure=False)

        async def publish() -> None:
            message = aio_pika.Message(_BODY, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await exchange.publish(message, LANE)

        started = time.perf_counter()
        for _ in range(count // at_once):
            await asyncio.gather(*(publish() for _ in range(at_once)))
        return count / (time.perf_counter() - started)


def main() -> None:
    """Publish, and print the rate."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.raw_publish")
    parser.add_argument("--amqp-url", required=True)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--at-once", type=int, default=100)
    options = parser.parse_args()
    print(uvloop.run(publish_all(options.amqp_url, options.count, options.at_once)))


if __name__ == "__main__":
    main()

"""How long an outcome takes from its publishing until a client can read it, at a steady rate.

`RECORDING_SPEED_SECONDS=60` measures for longer; the figures are in pytest's `--junitxml` report.
"""

import asyncio
import math
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aio_pika
import httpx
import pytest
from gateway import NOWHERE
from loopback_services import SERVICE_TOKEN, LoopbackServices
from queues import channel_to, purge
from samples import notification, outcome
from sqlalchemy import delete
from store_suite import put

from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.tables import outbox
from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification import Notification
from contracts.access import Scope
from contracts.names import EVENTS_EXCHANGE, FAILED_QUEUE, OUTCOMES_QUEUE
from contracts.outcome import OutcomeKind
from servicekit.database import Database

RATE = 300
SECONDS = int(os.environ.get("RECORDING_SPEED_SECONDS", "4"))
LOOKED_AT = 60
"""One of so many is followed by GET, again and again until the outcome is visible."""
P99_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_GIVE_UP_SECONDS = 20.0
_LATE_SECONDS = 0.5
"""So late at most the load may be; on a busier machine the figures say nothing about us."""


@asynccontextmanager
async def relay_process(database_url: str, amqp_url: str, port: int) -> AsyncIterator[None]:
    """A relay of its own, as it runs in production: beside the gateway, not inside."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "api_gateway.relay",
        stdout=asyncio.subprocess.DEVNULL,
        env={
            **os.environ,
            "ENVIRONMENT": "development",
            "PORT": str(port),
            "DATABASE_URL": database_url,
            "AMQP_URL": amqp_url,
            # Nothing is scheduled here
            "REDIS_URL": f"redis://{NOWHERE}/0",
            "USER_SERVICE_URL": f"http://{NOWHERE}",
            "TEMPLATE_SERVICE_URL": f"http://{NOWHERE}",
            "SERVICE_TOKEN": SERVICE_TOKEN,
        },
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def stored(database: Database, count: int) -> list[Notification]:
    ones = [notification() for _ in range(count)]
    store = PostgresNotificationStore(database)
    for start in range(0, count, 10):
        await asyncio.gather(*(put(store, one) for one in ones[start : start + 10]))
    async with database.transaction() as connection:
        await connection.execute(delete(outbox))
    return ones


class Reader:
    """Reads notifications as a client does."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def is_delivered(self, one: Notification) -> bool:
        path = f"/api/v1/notifications/{public_notification_id(one.id)}"
        answer = await self._client.get(path, headers=self._headers)
        if answer.status_code == 503:
            return False  # too busy to say; the time that it takes counts
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["data"]["status"] == "delivered")

    async def seconds_until_delivered(self, one: Notification) -> float:
        """Infinitely many where it takes more than `_GIVE_UP_SECONDS`."""
        since = time.monotonic()
        while time.monotonic() - since < _GIVE_UP_SECONDS:
            if await self.is_delivered(one):
                return time.monotonic() - since
            await asyncio.sleep(_PAUSE_SECONDS)
        return math.inf


async def test_three_hundred_outcomes_a_second_are_visible_within_a_second(
    client: httpx.AsyncClient,
    database: Database,
    database_url: str,
    amqp_url: str,
    services: LoopbackServices,
    unused_tcp_port: int,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    first, *ones = await stored(database, RATE * SECONDS + 1)
    reader = Reader(client, services.api_key(Scope.NOTIFICATIONS_READ, Scope.ADMIN))
    async with (
        channel_to(amqp_url) as channel,
        relay_process(database_url, amqp_url, unused_tcp_port),
    ):
        await purge(channel, OUTCOMES_QUEUE, FAILED_QUEUE)
        exchange = await channel.get_exchange(EVENTS_EXCHANGE, ensure=False)

        async def publish(one: Notification) -> None:
            event = outcome(
                OutcomeKind.SENT,
                notification_id=one.id,
                delivery_id=one.deliveries[0].id,
                at=datetime.now(UTC),
            )
            body = event.model_dump_json(exclude_none=True).encode()
            mode = aio_pika.DeliveryMode.PERSISTENT
            await exchange.publish(aio_pika.Message(body, delivery_mode=mode), event.routing_key)

        await publish(first)
        await reader.seconds_until_delivered(first)  # everything is connected
        latest = 0.0
        started = time.monotonic()
        tasks: list[asyncio.Task[None]] = []
        watching: list[asyncio.Task[float]] = []
        for number, one in enumerate(ones):
            due = started + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            latest = max(latest, time.monotonic() - due)
            tasks.append(asyncio.create_task(publish(one)))
            if number % LOOKED_AT == 0:
                watching.append(asyncio.create_task(reader.seconds_until_delivered(one)))
        await asyncio.gather(*tasks)
        waits = sorted(await asyncio.gather(*watching))

    median, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    figures = (
        f"{RATE}/s for {SECONDS} s, the load {latest * 1000:.0f} ms late at most, {len(waits)} "
        f"followed: median {median * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
    )
    record_testsuite_property("recording_speed", figures)
    if latest > _LATE_SECONDS:
        pytest.skip(f"this machine is too busy to be measured: {figures}")
    assert p99 < P99_SECONDS, figures

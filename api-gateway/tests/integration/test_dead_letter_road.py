"""From `failed.queue` to an administrator and back to the lane, through both real processes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import httpx
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel
from gateway import running_relay
from letters import Post
from loopback_services import LoopbackServices
from queues import channel_to, purge, take
from samples import message_of

from api_gateway.domain.notification import Notification
from contracts.access import Scope
from contracts.delivery_message import HEADER_DEAD_DETAIL, HEADER_DEAD_REASON, DeliveryMessage
from contracts.names import FAILED_QUEUE, OUTCOMES_QUEUE, normal_lane
from contracts.notification import NotificationType
from servicekit.database import Database

PATH = "/api/v1/admin/dead-letters"
LANE = normal_lane(NotificationType.EMAIL)


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


@pytest_asyncio.fixture
async def channel(
    amqp_url: str, database_url: str, client: httpx.AsyncClient
) -> AsyncIterator[AbstractChannel]:
    """A relay runs beside the gateway for as long as this is used."""
    async with channel_to(amqp_url) as channel:
        await purge(channel, FAILED_QUEUE, OUTCOMES_QUEUE)
        async with running_relay(database_url=database_url, amqp_url=amqp_url):
            yield channel


async def give_up(channel: AbstractChannel, one: Notification) -> None:
    """Do what a worker does."""
    message = message_of(one, one.deliveries[0]).model_copy(update={"retry_count": 5})
    await channel.default_exchange.publish(
        aio_pika.Message(
            message.model_dump_json().encode(),
            headers={HEADER_DEAD_REASON: "retries_exhausted", HEADER_DEAD_DETAIL: "451 later"},
        ),
        FAILED_QUEUE,
    )


async def listed(
    client: httpx.AsyncClient, admin: dict[str, str], post: Post, count: int
) -> list[dict[str, Any]]:
    async with asyncio.timeout(15):
        while True:
            answer = await client.get(
                PATH, params={"template_code": post.template_code}, headers=admin
            )
            rows: list[dict[str, Any]] = answer.json()["data"]
            if len(rows) == count:
                return rows
            await asyncio.sleep(0.05)


async def on_the_lane(channel: AbstractChannel, ones: list[Notification]) -> list[DeliveryMessage]:
    """The messages of these notifications, as soon as each has one; others' are passed by."""
    wanted = {one.deliveries[0].id for one in ones}
    found: list[DeliveryMessage] = []
    async with asyncio.timeout(15):
        while {message.delivery_id for message in found} != wanted:
            [raw] = await take(channel, LANE, 1, seconds=15)
            message = DeliveryMessage.model_validate_json(raw.body)
            if message.delivery_id in wanted:
                found.append(message)
    return found


async def test_a_delivery_that_was_given_up_is_seen_and_sent_again(
    channel: AbstractChannel,
    client: httpx.AsyncClient,
    services: LoopbackServices,
    post: Post,
) -> None:
    admin = services.api_key(Scope.ADMIN)
    one = await post.failed()
    await give_up(channel, one)
    [row] = await listed(client, admin, post, 1)
    assert (row["reason"], row["detail"]) == ("retries_exhausted", "451 later")
    answer = await client.post(f"{PATH}/{row['id']}/replay", headers=admin)
    assert answer.status_code == 200
    [message] = await on_the_lane(channel, [one])
    assert (message.generation, message.retry_count) == (1, 0)


async def test_a_job_over_many_is_worked_off_by_the_relay(
    channel: AbstractChannel,
    client: httpx.AsyncClient,
    services: LoopbackServices,
    post: Post,
) -> None:
    admin = services.api_key(Scope.ADMIN)
    ones = [await post.failed() for _ in range(5)]
    for one in ones:
        await give_up(channel, one)
    await listed(client, admin, post, 5)
    body = {"filter": {"template_code": post.template_code}}
    started = await client.post(f"{PATH}/replay", json=body, headers=admin)
    assert started.status_code == 202
    async with asyncio.timeout(15):
        while True:
            answer = await client.get(started.headers["Location"], headers=admin)
            job = answer.json()["data"]
            if job["state"] == "completed":
                break
            await asyncio.sleep(0.05)
    assert (job["total"], job["done"], job["skipped"]) == (5, 5, 0)
    messages = await on_the_lane(channel, ones)
    assert [message.generation for message in messages] == [1] * 5
    assert await listed(client, admin, post, 0) == []

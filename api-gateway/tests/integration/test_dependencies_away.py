"""The gateway while something that it needs is away."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from gateway import PATH, running_gateway, running_relay
from loopback_services import LoopbackServices
from queues import channel_to, purge, take, until
from samples import live_version, template, user
from sqlalchemy import func, select, text

from api_gateway.adapters.tables import outbox
from contracts.delivery_message import HEADER_REPEATED
from contracts.user_snapshot import UserSnapshot
from servicekit.database import Database


def away(port: int, scheme: str) -> str:
    return f"{scheme}://127.0.0.1:{port}/0"


@pytest.fixture
def addresses(
    database_url: str, redis_url: str, amqp_url: str, services: LoopbackServices
) -> dict[str, str]:
    return {
        "database_url": database_url,
        "redis_url": redis_url,
        "amqp_url": amqp_url,
        "services_url": services.url,
    }


async def states(client: httpx.AsyncClient) -> tuple[int, dict[str, str]]:
    ready = await client.get("/health/ready")
    return ready.status_code, {
        name: check["status"] for name, check in ready.json()["checks"].items()
    }


async def is_ready(client: httpx.AsyncClient) -> bool:
    return (await states(client))[0] == 200


async def test_all_is_up(client: httpx.AsyncClient) -> None:
    await until(lambda: is_ready(client))
    names = ("postgres", "redis", "rabbitmq", "outbox_queue", "backlog_gauge", "lane_watch")
    assert await states(client) == (200, dict.fromkeys(names, "up"))


async def test_without_redis_it_accepts_and_recognises_repeats_by_postgres(
    addresses: dict[str, str],
    unused_tcp_port: int,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    redisless = {**addresses, "redis_url": away(unused_tcp_port, "redis")}
    async with running_gateway(**redisless) as client:
        answers = await asyncio.gather(
            *(client.post(PATH, json=body, headers=app_key) for _ in range(20))
        )
        assert {answer.status_code for answer in answers} == {202}
        ids = {answer.json()["data"]["notification_id"] for answer in answers}
        assert len(ids) == 1
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
        other = await client.post(PATH, json={**body, "priority": 9}, headers=app_key)
        assert other.json()["error"] == "idempotency_key_reused"
        status, up_or_down = await states(client)
        assert (status, up_or_down["redis"], up_or_down["postgres"]) == (503, "down", "up")


async def test_without_rabbitmq_it_accepts_and_the_relay_sends_later(
    addresses: dict[str, str],
    unused_tcp_port: int,
    app_key: dict[str, str],
    body: dict[str, Any],
    database: Database,
) -> None:
    brokerless = {**addresses, "amqp_url": away(unused_tcp_port, "amqp")}
    async with running_gateway(**brokerless) as client:
        answer = await client.post(PATH, json=body, headers=app_key)
        assert answer.status_code == 202
        status, up_or_down = await states(client)
        assert (status, up_or_down["rabbitmq"]) == (503, "down")
    async with channel_to(addresses["amqp_url"]) as channel:
        await purge(channel, "email.queue")
        async with database.transaction() as connection:
            await connection.execute(
                text("UPDATE outbox SET leased_until = now() - interval '1 second'")
            )
        async with running_relay(
            database_url=addresses["database_url"], amqp_url=addresses["amqp_url"]
        ) as relay:
            notification_id = answer.json()["data"]["notification_id"]
            async with asyncio.timeout(15):
                while True:
                    [arrived] = await take(channel, "email.queue", 1, seconds=15)
                    if notification_id in arrived.body.decode():
                        break
            assert arrived.headers[HEADER_REPEATED] is True
            await until(lambda: is_ready(relay))
            assert (await states(relay))[1] == {
                "postgres": "up",
                "rabbitmq": "up",
                "outcomes": "up",
                "outbox_poller": "up",
                "key_sweeper": "up",
                "dead_letters": "up",
                "dead_letter_jobs": "up",
                "dead_letter_watch": "up",
                "reconciler": "up",
                "scheduler": "up",
                "month_keeper": "up",
                "variable_eraser": "up",
            }
    async with database.transaction() as connection:
        waiting = select(func.count()).where(outbox.c.delivery_id == UUID(str(arrived.message_id)))
        assert await connection.scalar(waiting) == 0


async def test_without_postgres_nothing_is_accepted_and_the_id_stays_free(
    addresses: dict[str, str],
    unused_tcp_port: int,
    client: httpx.AsyncClient,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    databaseless = {**addresses, "database_url": away(unused_tcp_port, "postgresql+asyncpg")}
    async with running_gateway(**databaseless) as lame:
        answer = await lame.post(PATH, json=body, headers=app_key)
        assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await lame.get(PATH, headers=app_key)).status_code == 503
        status, up_or_down = await states(lame)
        assert (status, up_or_down["postgres"]) == (503, "down")
        assert (await lame.get("/health/live")).status_code == 200
    answer = await client.post(PATH, json=body, headers=app_key)
    assert answer.status_code == 202
    assert "Idempotent-Replayed" not in answer.headers


async def test_without_the_owners_what_is_cached_is_still_accepted(
    addresses: dict[str, str],
    unused_tcp_port: int,
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    assert (await client.post(PATH, json=body, headers=app_key)).status_code == 202
    ownerless = {**addresses, "services_url": away(unused_tcp_port, "http")}
    async with running_gateway(**ownerless) as lonely:
        answer = await lonely.post(
            PATH, json={**body, "request_id": f"{body['request_id']}-2"}, headers=app_key
        )
        assert answer.status_code == 202
        stranger: UserSnapshot = services.has_user(user())
        unseen = services.has_template(template(languages={"en": live_version(1)}))
        for changes in ({"user_id": str(stranger.user_id)}, {"template_code": unseen.code}):
            asked = {**body, **changes, "request_id": f"{body['request_id']}-3"}
            answer = await lonely.post(PATH, json=asked, headers=app_key)
            assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
        token = services.bearer(stranger.user_id)
        answer = await lonely.get(PATH, headers=token)
        assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")


async def test_a_statement_that_takes_too_long_is_no_500(
    client: httpx.AsyncClient,
    database: Database,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    async with database.engine.connect() as other, other.begin():
        await other.execute(text("LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE"))
        answer = await client.post(PATH, json=body, headers=app_key)
    assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
    again = await client.post(PATH, json=body, headers=app_key)
    assert again.status_code == 202

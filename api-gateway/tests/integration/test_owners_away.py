"""The gateway while the owners of users and templates hang or are away."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from gateway import PATH, running_gateway
from loopback_services import LoopbackServices, serve
from queues import until
from redis.asyncio import Redis
from samples import live_version, template, unused, user

from api_gateway.adapters.remote_snapshots import RemoteTemplates, RemoteUsers
from contracts.access import Scope
from contracts.cache_keys import template_key, user_key
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.bulk_directory import CopiesMissingError
from servicekit.http_client import create_http_client
from servicekit.metrics import Metrics
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import HARD_SECONDS, SOFT_SECONDS, Cached, VersionedCache


@pytest.fixture
def owners() -> Iterator[LoopbackServices]:
    """Of these tests alone, for they hang."""
    with serve(LoopbackServices()) as owners:
        yield owners


@pytest.fixture
async def gateway(
    owners: LoopbackServices, database_url: str, redis_url: str, amqp_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Has one connection to PostgreSQL: whoever held it while it waits would stop all others."""
    async with running_gateway(
        database_url=database_url,
        redis_url=redis_url,
        amqp_url=amqp_url,
        services_url=owners.url,
        database_pool_size=1,
    ) as client:
        yield client


@pytest.fixture
def key(owners: LoopbackServices) -> dict[str, str]:
    return owners.api_key(Scope.NOTIFICATIONS_SEND, Scope.NOTIFICATIONS_READ)


async def remember(
    redis: "Redis", *, seconds_ago: float, text: str = "en"
) -> tuple[UserSnapshot, TemplateSnapshot]:
    """A user and a template that only Redis has, as of so long ago."""
    known, live = user(), template(languages={text: live_version(1)})
    written_at = time.time() - seconds_ago
    users = VersionedCache(redis, UserSnapshot, now=lambda: written_at)
    templates = VersionedCache(redis, TemplateSnapshot, now=lambda: written_at)
    await users.put(user_key(known.user_id), known.version, known)
    await templates.put(template_key(live.code), live.row_version, live)
    return known, live


def asking(known: UserSnapshot | None, live: TemplateSnapshot) -> dict[str, Any]:
    return {
        "notification_type": "email",
        "user_id": str(known.user_id if known else uuid4()),
        "template_code": live.code,
        "request_id": unused("req"),
    }


async def metric(client: httpx.AsyncClient, line: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    [value] = [each.rpartition(" ")[2] for each in lines if each.startswith(f"{line} ")] or ["0"]
    return float(value)


async def test_a_copy_is_fresh_for_five_minutes_and_serves_for_a_day_while_its_owner_hangs(
    gateway: httpx.AsyncClient, owners: LoopbackServices, key: dict[str, str], redis: "Redis"
) -> None:
    fresh = await remember(redis, seconds_ago=SOFT_SECONDS - 10)
    old = await remember(redis, seconds_ago=HARD_SECONDS - 10)
    assert (SOFT_SECONDS, HARD_SECONDS) == (300, 86_400)
    assert (await gateway.post(PATH, json=asking(*fresh), headers=key)).status_code == 202
    owners.is_free.clear()
    asked = owners.asked.total()
    answer = await gateway.post(PATH, json=asking(*fresh), headers=key)
    assert (answer.status_code, owners.asked.total()) == (202, asked)
    answer = await gateway.post(PATH, json=asking(*old), headers=key)
    assert (answer.status_code, answer.json()["success"]) == (202, True)
    assert owners.asked[f"/api/v1/users/{old[0].user_id}/snapshot"] > 0
    notification_id = answer.json()["data"]["notification_id"]
    read = await gateway.get(f"{PATH}/{notification_id}", headers=key)
    assert "the owner did not answer" in str(read.json()["data"]["timeline"][0])
    for kind in ("UserSnapshot", "TemplateSnapshot"):
        assert await metric(gateway, f'cache_stale_copies_used_total{{kind="{kind}"}}') == 1
        reads = 'cache_reads_total{kind="%s",result="%s"}'
        assert await metric(gateway, reads % (kind, "fresh")) == 2
        assert await metric(gateway, reads % (kind, "stale")) == 1


async def test_while_an_owner_hangs_nothing_is_held_and_soon_nobody_waits(
    gateway: httpx.AsyncClient, owners: LoopbackServices, key: dict[str, str], redis: "Redis"
) -> None:
    known, live = await remember(redis, seconds_ago=0)
    assert (await gateway.post(PATH, json=asking(known, live), headers=key)).status_code == 202
    owners.is_free.clear()

    async def ask(whom: UserSnapshot | None) -> tuple[httpx.Response, float]:
        started = time.monotonic()
        answer = await gateway.post(PATH, json=asking(whom, live), headers=key)
        return answer, time.monotonic() - started

    asked = owners.asked.total()
    waiting = [asyncio.create_task(ask(None)) for _ in range(30)]

    async def all_wait() -> bool:
        return owners.asked.total() - asked >= len(waiting)

    await until(all_wait)
    served = await asyncio.gather(*(ask(known) for _ in range(10)))
    assert not any(task.done() for task in waiting)
    assert [answer.status_code for answer, _ in served] == [202] * 10
    for answer, seconds in await asyncio.gather(*waiting):
        refused = (answer.status_code, answer.json()["error"])
        assert refused == (503, "dependency_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert seconds < 3
    state = 'service_breaker_state{service="user-service"}'
    assert await metric(gateway, state) > 0
    later = [await ask(whom) for _ in range(20) for whom in (None, known)]
    assert {answer.status_code for answer, _ in later[::2]} == {503}
    assert {answer.status_code for answer, _ in later[1::2]} == {202}
    assert sum(seconds < 0.5 for _, seconds in later) >= len(later) - 2  # a probe may be among them
    owners.is_free.set()
    newcomer = owners.has_user(user())

    async def is_served() -> bool:
        return (await ask(newcomer))[0].status_code == 202

    await until(is_served)
    assert await metric(gateway, state) == 0


async def test_many_are_found_at_once_and_without_their_owner_those_that_are_cached(
    owners: LoopbackServices, redis: "Redis", unused_tcp_port: int
) -> None:
    known = [owners.has_user(user()) for _ in range(3)]
    live = [owners.has_template(template()) for _ in range(2)]
    ids, codes = [one.user_id for one in known], [one.code for one in live]
    async with create_http_client(owners.url, timeout_seconds=1.0) as http:
        service, metrics = ServiceClient("owner", http), Metrics()
        users = RemoteUsers(redis, service, metrics)
        templates = RemoteTemplates(redis, service, metrics)
        assert await users.find_many([*ids, uuid4()]) == {
            one.user_id: Cached(one, is_stale=False) for one in known
        }
        assert await templates.find_many([*codes, "unknown"]) == {
            one.code: Cached(one, is_stale=False) for one in live
        }
    assert owners.asked == {"/api/v1/users/snapshots": 1, "/api/v1/templates/snapshots": 1}
    stranger = uuid4()
    away = f"http://127.0.0.1:{unused_tcp_port}"
    async with create_http_client(away, timeout_seconds=1.0) as http:
        users = RemoteUsers(redis, ServiceClient("owner", http), Metrics())
        assert set(await users.find_many(ids)) == set(ids)
        with pytest.raises(CopiesMissingError) as caught:
            await users.find_many([*ids, stranger])
    assert caught.value.keys == {stranger}

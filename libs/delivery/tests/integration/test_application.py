"""The assembled worker: starts without a template service, tells its state, ends in time."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from bench import FakeProvider
from deliveries import make_delivery
from fastapi import FastAPI
from pydantic import AnyHttpUrl, SecretStr
from redis.asyncio import Redis
from worker_bench import EMAIL, LANES, WorkerBench

from contracts.outcome import OutcomeKind
from contracts.template_snapshot import TemplateVersion
from delivery.application import build_worker_app
from delivery.rendering import Compiled
from delivery.settings import WorkerSettings
from devstack.binaries import find_binaries
from devstack.ports import PortBook
from devstack.redis import Redis as PrivateRedis
from servicekit.redis import create_redis
from servicekit.settings import ConfigurationError

SERVICE_TOKEN = "api-gateway:shown-by-the-gateway"
REPORT = {
    "notification_id": "notif_0193f1a07c1a7b1e9c553f1a2b4c5d6e",
    "delivery_id": "0193f1a0-7c1b-7d55-8f21-5b1f0c9e7a42",
    "status": "bounced",
}


class ClosingProvider(FakeProvider):
    """Notes that it was closed, and may never come to an end with it."""

    def __init__(self) -> None:
        super().__init__()
        self.closings = 0
        self.hangs = False

    async def close(self) -> None:
        self.closings += 1
        if self.hangs:
            await asyncio.Event().wait()


def nothing_to_compile(_: TemplateVersion) -> Compiled[str] | None:
    return None


@pytest.fixture
def provider() -> ClosingProvider:
    return ClosingProvider()


def build(
    amqp_url: str, redis_url: str, provider: ClosingProvider, *, named: str = "test-worker"
) -> FastAPI:
    return build_worker_app(
        service="test-worker",
        version="1.2.3",
        description="For tests.",
        notification_type=EMAIL,
        settings=WorkerSettings(
            port=1,
            amqp_url=SecretStr(amqp_url),
            redis_url=SecretStr(redis_url),
            template_service_url=AnyHttpUrl("http://127.0.0.1:1"),
            service_token=SecretStr(f"{named}:token"),
            service_tokens=SecretStr(SERVICE_TOKEN),
            suppression_key=SecretStr("k" * 32),
        ),
        providers=[provider],
        compile_version=nothing_to_compile,
    )


@pytest.fixture
def app(amqp_url: str, redis_url: str, provider: ClosingProvider) -> FastAPI:
    return build(amqp_url, redis_url, provider)


@pytest.fixture
async def private_redis(tmp_path: Path) -> AsyncIterator[PrivateRedis]:
    """A Redis that only one test uses, so that it may run out of memory."""
    binaries = find_binaries()
    assert binaries.redis is not None
    ports = PortBook(tmp_path / "ports.json", random.SystemRandom())
    server = PrivateRedis(binaries.redis, tmp_path / "redis", ports)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def bench(amqp_url: str, redis: "Redis") -> AsyncIterator[WorkerBench]:
    async with WorkerBench.opened(amqp_url, redis) as opened:
        yield opened


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        yield client


async def until_ready(client: httpx.AsyncClient) -> httpx.Response:
    async with asyncio.timeout(10):
        while True:
            answer = await client.get("/health/ready")
            if answer.status_code == 200:
                return answer
            await asyncio.sleep(0.05)


async def test_is_ready_once_it_consumes_and_closes_everything_at_the_end(
    app: FastAPI, provider: ClosingProvider
) -> None:
    before = asyncio.all_tasks()
    async with running(app) as client:
        answer = await until_ready(client)
        assert set(answer.json()["checks"]) == {"rabbitmq", "lanes", "redis", "breakers"}
        assert provider.closings == 0
    assert provider.closings == 1
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() - before == set()


async def test_a_template_service_that_is_away_makes_deliveries_wait(
    app: FastAPI, bench: WorkerBench, provider: ClosingProvider
) -> None:
    await bench.publish(make_delivery())
    async with running(app):
        await bench.until_left(1, "retry.4s")
        await bench.until_left(0, *LANES)
    assert provider.calls == 0
    assert await bench.outcomes() == []


async def test_a_provider_that_does_not_close_is_left_behind(
    app: FastAPI, provider: ClosingProvider
) -> None:
    provider.hangs = True
    async with running(app) as client:
        await until_ready(client)
        started = time.monotonic()
    assert time.monotonic() - started < 3


async def test_is_not_ready_while_redis_answers_but_takes_nothing(
    amqp_url: str, private_redis: PrivateRedis, provider: ClosingProvider
) -> None:
    redis = create_redis(private_redis.url, name="test")
    async with running(build(amqp_url, private_redis.url, provider)) as client:
        await until_ready(client)
        assert 0 < await redis.ttl("worker:test-worker:alive") <= 60
        await redis.config_set("maxmemory", 1)
        assert await redis.ping()
        answer = await client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["checks"]["redis"]["status"] == "down"
        await redis.config_set("maxmemory", 0)
        await until_ready(client)
    await redis.aclose()


async def test_a_report_by_http_comes_where_the_relay_reads_outcomes(
    app: FastAPI, bench: WorkerBench
) -> None:
    async with running(app) as client:
        await until_ready(client)
        for _ in range(2):
            answer = await client.post(
                "/api/v1/status/", json=REPORT, headers={"X-Service-Token": SERVICE_TOKEN}
            )
            assert answer.status_code == 202
    first, second = await bench.outcomes()
    assert (first.kind, str(first.delivery_id)) == (OutcomeKind.BOUNCED, REPORT["delivery_id"])
    assert first.event_id == second.event_id
    assert answer.json()["data"]["event_id"] == str(first.event_id)


async def test_without_a_broker_a_reporter_is_asked_to_repeat(
    redis_url: str, provider: ClosingProvider
) -> None:
    async with running(build("amqp://u:p@127.0.0.1:1/", redis_url, provider)) as client:
        async with asyncio.timeout(5):
            answer = await client.post(
                "/api/v1/status/", json=REPORT, headers={"X-Service-Token": SERVICE_TOKEN}
            )
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("other", ["other", "test-worker2"])
def test_a_token_of_another_service_is_refused(other: str, provider: ClosingProvider) -> None:
    with pytest.raises(ConfigurationError, match="SERVICE_TOKEN must be test-worker:<token>"):
        build("amqp://127.0.0.1:1/", "redis://127.0.0.1:1/0", provider, named=other)

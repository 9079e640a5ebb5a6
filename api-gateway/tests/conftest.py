"""What the tests of this service share, and the real servers that the integration tests use."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

# In importlib mode pytest leaves sys.path alone; suites, fakes and samples lie in this folder.
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite(
    "dead_letters_suite",
    "gateway",
    "headline_renderer_suite",
    "history_suite",
    "keeper_suite",
    "known_notifications_suite",
    "months_suite",
    "outbox_suite",
    "queues",
    "reservations_suite",
    "schedule_suite",
    "store_suite",
)

from gateway import running_gateway  # noqa: E402
from loopback_services import LoopbackServices, serve  # noqa: E402
from redis.asyncio import Redis  # noqa: E402
from samples import live_version, template, unused, user  # noqa: E402

from contracts.access import Scope  # noqa: E402
from contracts.template_snapshot import TemplateSnapshot  # noqa: E402
from contracts.user_snapshot import UserSnapshot  # noqa: E402
from servicekit.database import Database  # noqa: E402
from servicekit.redis import create_redis  # noqa: E402
from servicekit.testing import server_url, temporary_database  # noqa: E402

SERVICE_FOLDER = Path(__file__).parents[1]


@pytest_asyncio.fixture(scope="session")
async def database_url() -> AsyncIterator[str]:
    """A database made by our own migrations; tests use keys and ids of their own in it."""
    async with temporary_database(SERVICE_FOLDER) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, name="tests", pool_size=10)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def redis_url() -> str:
    return server_url("TEST_REDIS_URL")


@pytest.fixture(scope="session")
def amqp_url() -> str:
    return server_url("TEST_AMQP_URL")


@pytest_asyncio.fixture(scope="session")
async def redis(redis_url: str) -> "AsyncIterator[Redis]":
    redis = create_redis(redis_url, name="tests")
    yield redis
    await redis.aclose()


@pytest.fixture(scope="session")
def services() -> Iterator[LoopbackServices]:
    with serve(LoopbackServices()) as services:
        yield services


@pytest_asyncio.fixture(scope="session")
async def client(
    database_url: str, redis_url: str, amqp_url: str, services: LoopbackServices
) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the gateway as the settings of production build it."""
    async with running_gateway(
        database_url=database_url,
        redis_url=redis_url,
        amqp_url=amqp_url,
        services_url=services.url,
    ) as client:
        yield client


@pytest.fixture(scope="session")
def app_key(services: LoopbackServices) -> dict[str, str]:
    """Headers of an application that may send and read."""
    return services.api_key(Scope.NOTIFICATIONS_SEND, Scope.NOTIFICATIONS_READ)


@pytest.fixture(scope="session")
def recipient(services: LoopbackServices) -> UserSnapshot:
    return services.has_user(user())


@pytest.fixture(scope="session")
def welcome(services: LoopbackServices) -> TemplateSnapshot:
    return services.has_template(
        template(languages={"en": live_version(3, required=("name",), optional=("link",))})
    )


@pytest.fixture
def body(recipient: UserSnapshot, welcome: TemplateSnapshot) -> dict[str, Any]:
    """A request that is accepted; each test has a request_id of its own."""
    return {
        "notification_type": "email",
        "user_id": str(recipient.user_id),
        "template_code": welcome.code,
        "variables": {"name": "John"},
        "request_id": unused("req"),
    }

"""What the tests of this service share, and the real servers that the integration tests use."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

# In importlib mode pytest leaves sys.path alone; suites, fakes and samples lie in this folder.
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite(
    *("api_keys_suite", "categories_suite", "passwords_suite", "running_app"),
    *("sessions_suite", "snapshots_suite"),
    *("suppressed_addresses_suite", "suppressions_suite", "users_suite"),
)

from redis.asyncio import Redis  # noqa: E402
from running_app import RunningApp, redis_apart_url, running_app  # noqa: E402
from samples import ADMIN_EMAIL, ADMIN_PASSWORD  # noqa: E402

from contracts.access import Scope  # noqa: E402
from servicekit.database import Database  # noqa: E402
from servicekit.redis import create_redis  # noqa: E402
from servicekit.testing import server_url, temporary_database  # noqa: E402

SERVICE_FOLDER = Path(__file__).parents[1]


@pytest_asyncio.fixture(scope="session")
async def database_url() -> AsyncIterator[str]:
    async with temporary_database(SERVICE_FOLDER) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, name="tests")
    yield database
    await database.close()


@pytest.fixture(scope="session")
def redis_url() -> str:
    return server_url("TEST_REDIS_URL")


@pytest.fixture(scope="session")
def amqp_url() -> str:
    return server_url("TEST_AMQP_URL")


@pytest_asyncio.fixture(scope="session")
async def redis(redis_url: str) -> AsyncIterator["Redis"]:
    redis = create_redis(redis_url, name="tests")
    yield redis
    await redis.aclose()


@pytest_asyncio.fixture
async def redis_apart(redis_url: str) -> AsyncIterator["Redis"]:
    """An empty database of the same server, which no application of other tests looks at."""
    redis = create_redis(redis_apart_url(redis_url), name="tests")
    await redis.flushdb()
    yield redis
    await redis.aclose()


@pytest_asyncio.fixture(scope="session")
async def app(database_url: str, redis_url: str) -> AsyncIterator[RunningApp]:
    async with running_app(
        database_url=database_url,
        redis_url=redis_url,
        admin_email=ADMIN_EMAIL,
        admin_password=ADMIN_PASSWORD,
    ) as app:
        yield app


@pytest.fixture(scope="session")
def client(app: RunningApp) -> httpx.AsyncClient:
    return app.client


@pytest_asyncio.fixture(scope="session")
async def admin(app: RunningApp) -> dict[str, str]:
    """Headers of a call by the first administrator."""
    return await app.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)


@pytest_asyncio.fixture(scope="session")
async def writer(app: RunningApp, admin: dict[str, str]) -> dict[str, str]:
    """Headers of a call by an application that may read and write users."""
    return await app.create_key(admin, Scope.USERS_READ, Scope.USERS_WRITE)

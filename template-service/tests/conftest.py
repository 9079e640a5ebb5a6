"""What the tests of this service share, and the real servers that the integration tests use."""

import secrets
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

# In importlib mode pytest leaves sys.path alone; suites, fakes and samples lie in this folder.
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("snapshots_suite", "templates_suite")

from loopback_user_service import LoopbackUserService, serve  # noqa: E402
from redis.asyncio import Redis  # noqa: E402
from running_app import MakeKey, running_app  # noqa: E402

from contracts.access import ApiKeyRecord, Scope  # noqa: E402
from contracts.cache_keys import api_key_key  # noqa: E402
from servicekit.authentication import digest_of  # noqa: E402
from servicekit.database import Database  # noqa: E402
from servicekit.redis import create_redis  # noqa: E402
from servicekit.testing import server_url, temporary_database  # noqa: E402
from servicekit.versioned_cache import VersionedCache  # noqa: E402

SERVICE_FOLDER = Path(__file__).parents[1]


@pytest_asyncio.fixture(scope="session")
async def database_url() -> AsyncIterator[str]:
    """A database made by our own migrations; tests use codes of their own in it."""
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


@pytest_asyncio.fixture(scope="session")
async def redis(redis_url: str) -> "AsyncIterator[Redis]":
    redis = create_redis(redis_url, name="tests")
    yield redis
    await redis.aclose()


@pytest.fixture(scope="session")
def user_service() -> Iterator[LoopbackUserService]:
    with serve(LoopbackUserService()) as service:
        yield service


@pytest_asyncio.fixture(scope="session")
async def client(
    database_url: str, redis_url: str, user_service: LoopbackUserService
) -> AsyncIterator[httpx.AsyncClient]:
    async with running_app(
        database_url=database_url, redis_url=redis_url, user_service_url=user_service.url
    ) as client:
        yield client


@pytest.fixture(scope="session")
def application(redis: "Redis") -> MakeKey:
    """Headers of an application whose key user-service has put into the cache."""

    async def make(*scopes: Scope, is_active: bool = True) -> dict[str, str]:
        key = secrets.token_urlsafe(32)
        record = ApiKeyRecord(
            id=uuid.uuid4(), name="test", version=1, scopes=frozenset(scopes), is_active=is_active
        )
        cache = VersionedCache(redis, ApiKeyRecord)
        await cache.put(api_key_key(digest_of(key)), record.version, record)
        return {"X-API-Key": key}

    return make


@pytest_asyncio.fixture(scope="session")
async def writer(application: MakeKey) -> dict[str, str]:
    return await application(Scope.TEMPLATES_READ, Scope.TEMPLATES_WRITE)

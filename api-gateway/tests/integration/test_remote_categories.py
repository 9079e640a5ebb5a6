"""The catalogue as the gateway knows it, on a real Redis and with an owner that may be away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from loopback_services import SERVICE_TOKEN, LoopbackServices, serve
from redis.asyncio import Redis

from api_gateway.adapters.remote_categories import RemoteCategories
from contracts.cache_keys import CATEGORIES_KEY
from contracts.category import BUILT_IN, Category, CategoryCatalogue, CategoryDefault
from servicekit.http_client import AsyncClient, create_http_client
from servicekit.metrics import Metrics
from servicekit.redis import create_redis
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import VersionedCache


def catalogue(version: int, default: CategoryDefault) -> CategoryCatalogue:
    own = Category(code="own", name="Own", default=default)
    return CategoryCatalogue(version=version, categories=(own,))


OLD = catalogue(10_001, CategoryDefault.OPTED_IN)
NEW = catalogue(10_002, CategoryDefault.REQUIRED)


class Known:
    """What the gateway knows; `seconds` is its clock."""

    def __init__(self, redis: "Redis", http: AsyncClient) -> None:
        self.seconds = 0.0
        self.cache = VersionedCache(redis, CategoryCatalogue)
        self.remote = RemoteCategories(
            redis,
            ServiceClient("user-service", http),
            Metrics(),
            monotonic=lambda: self.seconds,
        )

    async def now(self, *, seconds: float = 0.0) -> CategoryCatalogue:
        self.seconds += seconds
        return await self.remote.current()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator["Redis"]:
    # A database of its own: the gateway of other tests looks for the same key.
    redis = create_redis(urlsplit(redis_url)._replace(path="/1").geturl(), name="tests")
    await redis.flushdb()
    yield redis
    await redis.aclose()


@pytest.fixture
def services() -> Iterator[LoopbackServices]:
    """Of its own: the gateway of other tests asks the usual one for the same."""
    with serve(LoopbackServices()) as services:
        yield services


@pytest.fixture
async def http(services: LoopbackServices) -> AsyncIterator[AsyncClient]:
    async with create_http_client(
        services.url, timeout_seconds=1.0, service_token=SERVICE_TOKEN
    ) as client:
        yield client


@pytest.fixture
def known(redis: "Redis", http: AsyncClient) -> Known:
    return Known(redis, http)


async def test_knows_the_built_in_one_while_nothing_can_be_asked(known: Known) -> None:
    assert await known.now() == BUILT_IN


async def test_asks_the_owner_where_redis_has_none(
    known: Known, services: LoopbackServices
) -> None:
    services.has_categories(OLD)
    assert await known.now() == OLD
    cached = await known.cache.get(CATEGORIES_KEY)
    assert cached is not None
    assert cached.value == OLD


async def test_at_the_start_nobody_decides_before_it_is_known(
    known: Known, services: LoopbackServices
) -> None:
    services.has_categories(OLD)
    services.is_free.clear()
    asking = [asyncio.create_task(known.now()) for _ in range(3)]
    await asyncio.sleep(0.1)
    services.is_free.set()
    assert await asyncio.gather(*asking) == [OLD] * 3


async def test_a_change_is_known_within_a_second(known: Known) -> None:
    await known.cache.put(CATEGORIES_KEY, OLD.version, OLD)
    assert await known.now() == OLD
    await known.cache.put(CATEGORIES_KEY, NEW.version, NEW)
    assert await known.now(seconds=0.9) == OLD  # looked at no more than that
    assert await known.now(seconds=0.2) == NEW


async def test_what_was_known_stays_while_nobody_answers(known: Known, redis: "Redis") -> None:
    await known.cache.put(CATEGORIES_KEY, NEW.version, NEW)
    assert await known.now() == NEW
    await redis.delete(CATEGORIES_KEY)
    assert await known.now(seconds=2) == NEW


async def test_an_older_one_replaces_nothing(known: Known, redis: "Redis") -> None:
    await known.cache.put(CATEGORIES_KEY, NEW.version, NEW)
    assert await known.now() == NEW
    await redis.delete(CATEGORIES_KEY)
    await known.cache.put(CATEGORIES_KEY, OLD.version, OLD)
    assert await known.now(seconds=2) == NEW

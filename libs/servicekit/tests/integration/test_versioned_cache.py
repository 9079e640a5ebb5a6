"""The newer version wins in Redis, in whatever order the writers come."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from servicekit.redis import create_redis
from servicekit.versioned_cache import VersionedCache


class Row(BaseModel):
    version: int
    name: str = ""


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator["Redis"]:
    client = create_redis(redis_url, name="test-cache")
    yield client
    await client.aclose()


@pytest.fixture
def key() -> str:
    return f"test:{uuid.uuid4()}"


async def test_an_absent_key_is_a_miss(redis: "Redis", key: str) -> None:
    assert await VersionedCache(redis, Row).get(key) is None


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 10))))
async def test_the_newest_version_stays_whatever_the_order(
    order: tuple[int, ...], redis: "Redis", key: str
) -> None:
    cache = VersionedCache(redis, Row)
    newest = 0
    for version in order:
        written = await cache.put(key, version, Row(version=version))
        assert written == (version > newest)
        newest = max(newest, version)
    found = await cache.get(key)
    assert found is not None
    assert found.value == Row(version=10)


async def test_the_newest_of_concurrent_writers_stays(redis: "Redis", key: str) -> None:
    cache = VersionedCache(redis, Row)
    versions = [(number * 37) % 101 for number in range(1, 101)]
    await asyncio.gather(*(cache.put(key, each, Row(version=each)) for each in versions))
    found = await cache.get(key)
    assert found is not None
    assert found.value.version == max(versions)


async def test_the_same_version_again_refreshes_the_age(redis: "Redis", key: str) -> None:
    clock = Clock()
    cache = VersionedCache(redis, Row, soft_seconds=10, now=clock)
    await cache.put(key, 1, Row(version=1))
    clock.seconds += 10.5
    found = await cache.get(key)
    assert found is not None
    assert found.is_stale
    await cache.put(key, 1, Row(version=1))
    found = await cache.get(key)
    assert found is not None
    assert not found.is_stale


async def test_an_older_version_does_not_refresh_the_age(redis: "Redis", key: str) -> None:
    clock = Clock()
    cache = VersionedCache(redis, Row, soft_seconds=10, now=clock)
    await cache.put(key, 2, Row(version=2))
    clock.seconds += 10.5
    assert not await cache.put(key, 1, Row(version=1))
    found = await cache.get(key)
    assert found is not None
    assert found.is_stale


async def test_is_gone_at_its_hard_age(redis: "Redis", key: str) -> None:
    cache = VersionedCache(redis, Row, hard_seconds=1)
    await cache.put(key, 1, Row(version=1))
    assert 0 < await redis.pttl(key) <= 1000
    await asyncio.sleep(1.1)
    assert await cache.get(key) is None


async def test_what_an_older_release_wrote_and_we_cannot_read_is_a_miss(
    redis: "Redis", key: str
) -> None:
    class Old(BaseModel):
        title: str = "t"

    await VersionedCache(redis, Old).put(key, 1, Old())
    assert await VersionedCache(redis, Row).get(key) is None

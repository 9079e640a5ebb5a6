"""The newer version wins in Redis, in whatever order the writers come."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from servicekit.metrics import Metrics
from servicekit.redis import create_redis
from servicekit.versioned_cache import FIELDS, VersionedCache


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


async def test_many_are_written_and_read_in_a_round_trip_each(redis: "Redis", key: str) -> None:
    cache = VersionedCache(redis, Row)
    keys = [f"{key}:{number}" for number in range(1_000)]
    rows = {each: Row(version=1, name=each) for each in keys}
    entries = [(each, 1, row) for each, row in rows.items()]
    await cache.put(key, 1, Row(version=1))  # known to Redis from here on
    await cache.get_many([key])
    before = await commands_of(redis)
    assert await cache.put_many(entries) == [True] * len(keys)
    found = await cache.get_many([*keys, f"{key}:unknown"])
    assert await commands_of(redis) - before == 2
    assert {each: cached.value for each, cached in found.items()} == rows
    assert not any(cached.is_stale for cached in found.values())
    assert 0 < await redis.ttl(keys[-1]) <= 24 * 3600
    await redis.delete(*keys)


async def commands_of(redis: "Redis") -> int:
    """How many scripts have been run."""
    stats = await redis.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])


async def test_of_many_each_is_written_only_over_what_is_not_newer(
    redis: "Redis", key: str
) -> None:
    clock = Clock()
    cache = VersionedCache(redis, Row, soft_seconds=10, now=clock)
    keys = [f"{key}:{number}" for number in range(3)]
    await cache.put_many([(each, 5, Row(version=5)) for each in keys])
    clock.seconds += 10.5
    versions = (4, 5, 6)
    entries = [
        (each, version, Row(version=version)) for each, version in zip(keys, versions, strict=True)
    ]
    assert await cache.put_many(entries) == [False, True, True]
    found = await cache.get_many(keys)
    assert [found[each].value.version for each in keys] == [5, 5, 6]
    assert [found[each].is_stale for each in keys] == [True, False, False]


async def test_of_many_those_that_cannot_be_read_are_misses(redis: "Redis", key: str) -> None:
    await redis.hset(f"{key}:bad", mapping={"version": 1, "body": "{", "stored_at": 1})
    await redis.hset(f"{key}:half", mapping={"version": 1})
    await VersionedCache(redis, Row).put(f"{key}:good", 1, Row(version=1))
    found = await VersionedCache(redis, Row).get_many(
        [f"{key}:{x}" for x in ("bad", "half", "good")]
    )
    assert list(found) == [f"{key}:good"]


async def test_nothing_is_asked_of_redis_for_nothing(unused_tcp_port: int) -> None:
    away = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="test-cache")
    cache = VersionedCache(away, Row)
    assert await cache.get_many([]) == {}
    assert await cache.put_many([]) == []
    await away.aclose()


async def test_the_same_text_is_parsed_once_and_its_age_counted_each_time(
    redis: "Redis", key: str
) -> None:
    clock = Clock()
    cache = VersionedCache(redis, Row, soft_seconds=10, now=clock)
    await cache.put(key, 1, Row(version=1))
    first, again = await cache.get(key), await cache.get(key)
    assert first is not None
    assert again is not None
    assert again.value is first.value
    clock.seconds += 10.5
    later = await cache.get(key)
    assert later is not None
    assert (later.value is first.value, later.is_stale) == (True, True)
    await cache.put(key, 2, Row(version=2))
    newer = await cache.get(key)
    assert newer is not None
    assert newer.value == Row(version=2)


async def test_what_was_parsed_is_not_kept_without_bound(redis: "Redis", key: str) -> None:
    cache = VersionedCache(redis, Row)
    bodies = [Row(version=1, name=f"{key}:{number}").model_dump_json() for number in range(600)]
    values = [cache.read(key, body, "0") for body in bodies]
    again = cache.read(key, bodies[0], "0")
    assert values[0] is not None
    assert again is not None
    assert again.value == values[0].value
    assert again.value is not values[0].value


async def test_metrics_count_what_was_found(redis: "Redis", key: str) -> None:
    clock, metrics = Clock(), Metrics()
    cache = VersionedCache(redis, Row, soft_seconds=10, now=clock, metrics=metrics)
    await cache.get(key)
    await cache.put(key, 1, Row(version=1))
    await cache.get_many([key, f"{key}:other"])
    clock.seconds += 10.5
    [body, stored_at] = await redis.hmget(key, FIELDS)
    cache.read(key, str(body), str(stored_at))
    assert {
        result: metrics.registry.get_sample_value(
            "cache_reads_total", {"kind": "Row", "result": result}
        )
        for result in ("fresh", "stale", "absent")
    } == {"fresh": 1, "stale": 1, "absent": 2}

import asyncio
import time

import pytest
from redis.exceptions import ResponseError

from devstack.redis import Redis as PrivateRedis
from servicekit.redis import RedisPause, RedisUnavailableError, check_redis, create_redis


async def test_a_refused_connection_fails_at_once() -> None:
    redis = create_redis("redis://127.0.0.1:1/0", name="test")
    started = time.monotonic()
    with pytest.raises(RedisUnavailableError):
        await check_redis(redis)
    assert time.monotonic() - started < 0.3
    await redis.aclose()


async def test_a_frozen_redis_costs_half_a_second_and_works_again(
    private_redis: PrivateRedis,
) -> None:
    redis = create_redis(private_redis.url, name="test")
    await redis.set("key", "value")
    private_redis.freeze()
    try:
        for _ in range(2):  # on the open connection, and then on a new one
            started = time.monotonic()
            with pytest.raises(RedisUnavailableError):
                await redis.get("key")
            assert 0.4 < time.monotonic() - started < 0.8
    finally:
        private_redis.thaw()
    assert await redis.get("key") == "value"
    await redis.aclose()


async def test_a_command_that_timed_out_is_sent_once(private_redis: PrivateRedis) -> None:
    redis = create_redis(private_redis.url, name="test")
    await redis.set("counter", 0)
    private_redis.freeze()
    with pytest.raises(RedisUnavailableError):
        await redis.incr("counter")
    private_redis.thaw()
    await asyncio.sleep(0.2)
    assert await redis.get("counter") in {"0", "1"}
    await redis.aclose()


async def test_a_thousand_callers_wait_for_a_few_connections(redis_url: str) -> None:
    redis = create_redis(redis_url, name="test", max_connections=5)
    await redis.delete("test:many")
    await asyncio.gather(*(redis.incr("test:many") for _ in range(1000)))
    assert await redis.get("test:many") == "1000"
    await redis.aclose()


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_with_a_pause_a_frozen_redis_costs_fifty_lookups_one_time_out_a_second(
    private_redis: PrivateRedis,
) -> None:
    redis = create_redis(private_redis.url, name="test", pause=RedisPause())
    await redis.set("key", "value")
    private_redis.freeze()
    try:
        started = time.monotonic()
        for _ in range(50):
            with pytest.raises(RedisUnavailableError):
                await redis.get("key")
        assert time.monotonic() - started < 1
    finally:
        private_redis.thaw()
        await redis.aclose()


async def test_with_a_pause_two_hundred_at_once_wait_no_longer_than_one(
    private_redis: PrivateRedis,
) -> None:
    redis = create_redis(private_redis.url, name="test", max_connections=20, pause=RedisPause())
    await redis.set("key", "value")
    private_redis.freeze()
    try:
        started = time.monotonic()
        found = await asyncio.gather(
            *(redis.get("key") for _ in range(200)), return_exceptions=True
        )
        assert time.monotonic() - started < 0.9
        assert all(isinstance(error, RedisUnavailableError) for error in found)
    finally:
        private_redis.thaw()
        await redis.aclose()


async def test_a_pause_ends_after_a_second_and_redis_is_asked_again(redis_url: str) -> None:
    clock = Clock()
    pause = RedisPause(clock)
    redis = create_redis(redis_url, name="test", pause=pause)
    pause.begin()
    read = redis.register_script("return 'value'")
    for ask in (check_redis(redis), redis.get("key"), read()):
        with pytest.raises(RedisUnavailableError):
            await ask
    clock.seconds += 1
    assert await read() == "value"
    await redis.aclose()


async def test_what_redis_refuses_is_no_reason_for_a_pause(redis_url: str) -> None:
    redis = create_redis(redis_url, name="test", pause=RedisPause())
    await redis.set("test:text", "value")
    with pytest.raises(ResponseError):
        await redis.incr("test:text")
    assert await redis.get("test:text") == "value"
    await redis.aclose()

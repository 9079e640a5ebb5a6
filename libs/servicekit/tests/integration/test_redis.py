import asyncio
import time

import pytest

from devstack.redis import Redis as PrivateRedis
from servicekit.redis import RedisUnavailableError, check_redis, create_redis


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

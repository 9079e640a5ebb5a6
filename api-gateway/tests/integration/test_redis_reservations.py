import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from reservations_suite import ReservationsSuite, reserve, wanted
from samples import acceptance_of, notification, template, unused, unused_key, user

from api_gateway.adapters.redis_reservations import RedisReservations
from api_gateway.usecases.ports import (
    Keyless,
    Looked,
    Reserved,
    StoredRequest,
    Undecided,
    Wanted,
)
from contracts.cache_keys import template_key, user_key
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.metrics import Metrics
from servicekit.redis import RedisPause, create_redis
from servicekit.versioned_cache import Cached, VersionedCache


@pytest.fixture
def reservations(redis: "Redis") -> RedisReservations:
    return RedisReservations(redis, RedisPause(), Metrics())


class TestRedisReservations(ReservationsSuite):
    @pytest.fixture
    def reservations(self, redis: "Redis") -> RedisReservations:
        return RedisReservations(redis, RedisPause(), Metrics())


async def test_a_reservation_lapses_within_ten_seconds(
    reservations: RedisReservations, redis: "Redis"
) -> None:
    key = unused_key()
    await reserve(reservations, key)
    assert 0 < await redis.pttl(f"idem:{key.caller}:{key.request_id}") <= 10_000


async def test_an_answer_is_kept_until_a_day_after_it_was_first_given(
    reservations: RedisReservations, redis: "Redis"
) -> None:
    key = unused_key()
    given = datetime.now(UTC) - timedelta(hours=23)
    stored = StoredRequest("f" * 64, acceptance_of(notification(created_at=given)))
    await reservations.answered(key, stored)
    left = await redis.ttl(f"idem:{key.caller}:{key.request_id}")
    assert 3_500 < left <= 3_600


async def test_an_answer_that_cannot_be_read_leaves_the_decision_to_the_store(
    reservations: RedisReservations, redis: "Redis"
) -> None:
    key = unused_key()
    await redis.set(f"idem:{key.caller}:{key.request_id}", '{"of": "another version"}', ex=60)
    assert await reserve(reservations, key) == Undecided()


async def test_without_redis_nothing_is_decided_and_nothing_fails(unused_tcp_port: int) -> None:
    redis = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="tests")
    metrics = Metrics()
    reservations, key = RedisReservations(redis, RedisPause(), metrics), unused_key()
    assert await reservations.look_up(wanted(key=key, rate_per_minute=1)) == Looked(Undecided())
    assert await reservations.look_up(wanted(rate_per_minute=1)) == Looked(Keyless())
    assert await reservations.look_up(wanted()) == Looked(Keyless())
    assert metrics.registry.get_sample_value("rate_limit_unchecked_total") == 2
    await reservations.answered(key, StoredRequest("f" * 64, acceptance_of(notification())))
    await reservations.release(key, Reserved("lease:x"))
    await redis.aclose()


async def test_user_and_template_come_with_the_reservation(
    reservations: RedisReservations, redis: "Redis"
) -> None:
    known, live = user(), template()
    await VersionedCache(redis, UserSnapshot).put(user_key(known.user_id), 1, known)
    await VersionedCache(redis, TemplateSnapshot).put(template_key(live.code), 1, live)
    looked = await reservations.look_up(
        Wanted("application:a", unused_key(), known.user_id, live.code)
    )
    assert isinstance(looked.key, Reserved)
    assert looked.user == Cached(known, is_stale=False)
    assert looked.template == Cached(live, is_stale=False)


async def test_the_rate_comes_back_with_time(
    reservations: RedisReservations, redis: "Redis"
) -> None:
    caller = unused("application:")
    for _ in range(2):
        looked = await reservations.look_up(wanted(caller, rate_per_minute=1200))
        assert looked.rate is not None
        assert looked.rate.retry_after == 0
    await redis.hset(f"rate:{caller}", "tokens", "0.0")  # used up a moment ago
    over = await reservations.look_up(wanted(caller, rate_per_minute=1200))
    assert over.rate is not None
    assert 0 < over.rate.retry_after <= 0.05
    await asyncio.sleep(over.rate.retry_after + 0.01)
    again = await reservations.look_up(wanted(caller, rate_per_minute=1200))
    assert again.rate is not None
    assert again.rate.retry_after == 0


async def test_a_look_up_that_was_sent_twice_finds_its_own_reservation(redis: "Redis") -> None:
    """As redis-py sends it where the connection breaks before the answer."""
    reservations = RedisReservations(cast("Redis", TwiceRedis(redis)), RedisPause(), Metrics())
    assert isinstance(await reserve(reservations, unused_key()), Reserved)


class TwiceRedis:
    """Executes each pipeline twice, and gives the second answers back."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    def register_script(self, text: str) -> Any:
        return self._redis.register_script(text)

    async def script_load(self, text: str) -> Any:
        return await self._redis.script_load(text)

    def pipeline(self, *, transaction: bool) -> Any:
        pipeline: Any = self._redis.pipeline(transaction=transaction)
        execute = pipeline.execute

        async def execute_twice(**options: Any) -> Any:
            commands = list(pipeline.command_stack)
            await execute(**options)
            pipeline.command_stack = commands
            return await execute(**options)

        pipeline.execute = execute_twice
        return pipeline

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from reservations_suite import ReservationsSuite
from samples import acceptance_of, notification, unused_key

from api_gateway.adapters.redis_reservations import RedisReservations
from api_gateway.usecases.ports import Reserved, StoredRequest, Undecided
from servicekit.redis import create_redis


@pytest.fixture
def reservations(redis: "Redis") -> RedisReservations:
    return RedisReservations(redis)


class TestRedisReservations(ReservationsSuite):
    @pytest.fixture
    def reservations(self, redis: "Redis") -> RedisReservations:
        return RedisReservations(redis)


async def test_a_reservation_lapses_within_ten_seconds(
    reservations: RedisReservations, redis: "Redis"
) -> None:
    key = unused_key()
    await reservations.reserve(key)
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
    assert await reservations.reserve(key) == Undecided()


async def test_without_redis_nothing_is_decided_and_nothing_fails(unused_tcp_port: int) -> None:
    redis = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="tests")
    reservations, key = RedisReservations(redis), unused_key()
    assert await reservations.reserve(key) == Undecided()
    await reservations.answered(key, StoredRequest("f" * 64, acceptance_of(notification())))
    await reservations.release(key, Reserved("lease:x"))
    await redis.aclose()

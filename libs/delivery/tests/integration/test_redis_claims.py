"""Claims in a real Redis: the suite, and what only Redis can do wrong."""

import asyncio

import pytest
from claims_suite import ClaimsBench, ClaimsSuite, settlement_of
from deliveries import make_delivery
from redis.asyncio import Redis

from delivery.claims import Claims, ClaimsUnavailableError
from delivery.redis_claims import KEPT_SECONDS, RedisClaims, claim_key
from servicekit.redis import create_redis


class RedisBench(ClaimsBench):
    # Long enough that no claim lapses between two commands on a busy machine.
    lease_seconds = 0.4

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    def owned_by(self, owner: str) -> Claims:
        return RedisClaims(self._redis, owner=owner, lease_seconds=self.lease_seconds)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class TestRedisClaims(ClaimsSuite):
    @pytest.fixture
    def bench(self, redis: "Redis") -> ClaimsBench:
        return RedisBench(redis)


async def test_a_claim_is_kept_for_a_week_and_a_settlement_as_long(redis: "Redis") -> None:
    message = make_delivery()
    claims = RedisClaims(redis, owner="a", lease_seconds=35)
    await claims.claim(message)
    assert await redis.ttl(claim_key(message.delivery_id)) == KEPT_SECONDS
    await redis.expire(claim_key(message.delivery_id), 10)
    await claims.settle(message, settlement_of(message))
    assert await redis.ttl(claim_key(message.delivery_id)) == KEPT_SECONDS


async def test_a_settlement_without_a_claim_is_kept_as_long(redis: "Redis") -> None:
    message = make_delivery()
    claims = RedisClaims(redis, owner="a", lease_seconds=35)
    await claims.settle(message, settlement_of(message))
    assert await redis.ttl(claim_key(message.delivery_id)) == KEPT_SECONDS


async def test_works_on_after_redis_forgot_its_scripts(redis: "Redis") -> None:
    claims = RedisClaims(redis, owner="a", lease_seconds=35)
    await redis.script_flush()
    message = make_delivery()
    await claims.claim(message)
    await redis.script_flush()
    assert await claims.settle(message, settlement_of(message))


async def test_says_that_claims_are_unavailable_when_redis_is_away() -> None:
    away = create_redis("redis://127.0.0.1:1/0", name="away")
    claims = RedisClaims(away, owner="a", lease_seconds=35)
    message = make_delivery()
    with pytest.raises(ClaimsUnavailableError):
        await claims.claim(message)
    with pytest.raises(ClaimsUnavailableError):
        await claims.settle(message, settlement_of(message))
    with pytest.raises(ClaimsUnavailableError):
        await claims.release(message.delivery_id)
    await away.aclose()

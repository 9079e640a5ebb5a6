"""Claims in a real Redis: the suite, and what only Redis can do wrong."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from claims_suite import ClaimsBench, ClaimsSuite, settlement_of
from deliveries import DIGESTS, START, make_delivery
from redis.asyncio import Redis
from reply_dropper import ReplyDropper

from contracts.cache_keys import suppression_key
from contracts.delivery_message import DeliveryMessage
from contracts.outcome import OutcomeKind
from delivery.claims import Claims, ClaimsUnavailableError, UnansweredClaimError, Verdict
from delivery.outcomes import outcome_of
from delivery.redis_claims import (
    FINAL_KEPT_SECONDS,
    KEPT_SECONDS,
    RedisClaims,
    claim_key,
    new_token,
)
from servicekit.redis import create_redis


class RedisBench(ClaimsBench):
    # So long that no claim lapses between two commands on a busy machine.
    lease_seconds = 35.0

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    def claims(self, token: Callable[[], str] = new_token, *, hourly_limit: int = 0) -> Claims:
        return RedisClaims(
            self._redis,
            digests=DIGESTS,
            lease_seconds=self.lease_seconds,
            hourly_limit=hourly_limit,
            token=token,
        )

    async def suppress(self, message: DeliveryMessage, reason: str) -> None:
        await self._redis.set(suppression_key(DIGESTS.of(message)), reason, ex=60)

    async def lapse(self, message: DeliveryMessage) -> None:
        await self._redis.hset(claim_key(message.delivery_id), "lease", 0)


class TestRedisClaims(ClaimsSuite):
    @pytest.fixture
    def bench(self, redis: "Redis") -> ClaimsBench:
        return RedisBench(redis)


@pytest.fixture
def claims(redis: "Redis") -> RedisClaims:
    return RedisClaims(redis, digests=DIGESTS, lease_seconds=35)


async def test_a_lease_runs_out_by_the_clock_of_redis(redis: "Redis") -> None:
    message = make_delivery()
    brief = RedisClaims(redis, digests=DIGESTS, lease_seconds=0.05)
    await brief.claim(message)
    await asyncio.sleep(0.1)
    assert (await brief.claim(message)).verdict is Verdict.LAPSED


async def test_an_open_claim_is_kept_for_a_week_and_a_final_one_for_a_day(
    redis: "Redis", claims: RedisClaims
) -> None:
    message = make_delivery()
    key = claim_key(message.delivery_id)
    token = (await claims.claim(message)).token
    assert await redis.ttl(key) == KEPT_SECONDS
    await redis.expire(key, 10)
    retried = settlement_of(message, OutcomeKind.DELIVERY_ATTEMPTED)
    retried = retried.model_copy(update={"retry_at": START, "next_retry_count": 1})
    await claims.settle(message, retried, token)
    assert await redis.ttl(key) == KEPT_SECONDS
    retry = message.model_copy(update={"retry_count": 1})
    token = (await claims.claim(retry)).token
    assert await redis.ttl(key) == KEPT_SECONDS
    await claims.settle(retry, settlement_of(retry), token)
    assert await redis.ttl(key) == FINAL_KEPT_SECONDS


async def test_a_settlement_without_a_claim_is_kept_as_long(
    redis: "Redis", claims: RedisClaims
) -> None:
    message = make_delivery()
    await claims.settle(message, settlement_of(message), "unknown")
    assert await redis.ttl(claim_key(message.delivery_id)) == FINAL_KEPT_SECONDS


async def test_a_delivery_that_has_ended_costs_as_little_as_documented(
    redis: "Redis", claims: RedisClaims
) -> None:
    message = make_delivery(
        notification_id="notif_01JD3K9Q0V8XNB5T4M2W7RZC6E",
        correlation_id="01JD3K9Q0V8XNB5T4M2W7RZC6E-0123456789",
    )
    outcome = outcome_of(
        message,
        OutcomeKind.SENT,
        at=START,
        provider="smtp",
        provider_message_id=f"<{message.delivery_id}.0.1@notifications.example.com>",
        reply_code="250 2.0.0",
        latency_ms=123.45,
    )
    token = (await claims.claim(message)).token
    await claims.settle(
        message, settlement_of(message).model_copy(update={"outcome": outcome}), token
    )
    used = await redis.memory_usage(claim_key(message.delivery_id))
    assert used is not None
    assert used <= 440  # some more than on Redis 7.0
    assert (await claims.claim(message)).settlement == settlement_of(message).model_copy(
        update={"outcome": outcome}
    )


async def test_works_on_after_redis_forgot_its_scripts(redis: "Redis", claims: RedisClaims) -> None:
    await redis.script_flush()
    message = make_delivery()
    token = (await claims.claim(message)).token
    await redis.script_flush()
    assert await claims.settle(message, settlement_of(message), token)


async def test_a_claim_whose_answer_is_lost_is_sent_again_and_granted(
    redis: "Redis", redis_url: str
) -> None:
    parts = urlsplit(redis_url)
    assert parts.port is not None
    async with ReplyDropper.opened(parts.port) as dropper:
        url = redis_url.replace(f":{parts.port}", f":{dropper.port}")
        client = create_redis(url, name="dropped")
        claims = RedisClaims(client, digests=DIGESTS, lease_seconds=35)
        await claims.claim(make_delivery())  # the script is loaded and a connection open
        message = make_delivery()
        dropper.drop_next()
        claim = await claims.claim(message)
        assert dropper.dropped == 1
        assert claim.verdict is Verdict.CLAIMED
        dropper.drop_next()
        assert await claims.settle(message, settlement_of(message), claim.token)
        assert dropper.dropped == 2
        await client.aclose()
    assert await redis.type(claim_key(message.delivery_id)) == "string"


async def test_says_that_claims_are_unavailable_when_redis_is_away() -> None:
    away = create_redis("redis://127.0.0.1:1/0", name="away")
    claims = RedisClaims(away, digests=DIGESTS, lease_seconds=35, token=lambda: "mine")
    message = make_delivery()
    with pytest.raises(UnansweredClaimError) as caught:
        await claims.claim(message)
    assert caught.value.token == "mine"
    with pytest.raises(ClaimsUnavailableError):
        await claims.settle(message, settlement_of(message), "mine")
    with pytest.raises(ClaimsUnavailableError):
        await claims.release(message.delivery_id, "mine")
    await away.aclose()

"""Breakers in a real Redis: the suite, and step by step the same as the pure rules."""

import asyncio
import random
from uuid import uuid4

import pytest
from breakers_suite import RULES, BreakersBench, BreakersSuite
from redis.asyncio import Redis

from contracts.notification import NotificationType
from delivery.breakers import Breakers, BreakersUnavailableError
from delivery.redis_breakers import KEPT_SECONDS, RedisBreakers, breaker_key
from servicekit.breaker import (
    BreakerRules,
    BreakerState,
    Change,
    Permit,
    after_failure,
    after_success,
    with_probe,
    without_probe,
)
from servicekit.redis import create_redis

EMAIL = NotificationType.EMAIL


def redis_breakers(redis: "Redis", rules: BreakerRules = RULES) -> RedisBreakers:
    return RedisBreakers(redis, EMAIL, rules=rules)


class RedisBench(BreakersBench):
    """Time passes by setting back what was written down."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self.provider = f"smtp-{uuid4().hex}"

    def breakers(self) -> Breakers:
        return redis_breakers(self._redis)

    async def pass_time(self, seconds: float) -> None:
        key = breaker_key(EMAIL, self.provider)
        for field in ("open_until", "probe_until", "closed_at"):
            if int(await self._redis.hget(key, field) or 0):
                await self._redis.hincrby(key, field, -round(seconds * 1000))


class TestRedisBreakers(BreakersSuite):
    @pytest.fixture
    def bench(self, redis: "Redis") -> BreakersBench:
        return RedisBench(redis)


@pytest.mark.parametrize("seed", range(4))
async def test_takes_every_step_exactly_as_the_pure_rules_do(redis: "Redis", seed: int) -> None:
    chance = random.Random(seed)
    rules = BreakerRules(failures=2, open_seconds=0.02, successes=2, ramp_seconds=0.02)
    breakers = redis_breakers(redis, rules)
    provider = f"smtp-{uuid4().hex}"
    state, seen = BreakerState(), set[Change]()
    for _ in range(400):
        epoch = chance.choice([state.epoch] * 4 + [state.epoch - 1, 0])
        token = chance.choice(["", "", "a", "b", *[state.probe] * 4])
        permit, before = Permit(epoch, token), state
        match chance.choice(["fail", "succeed", "succeed", "probe", "back", "read", "wait"]):
            case "fail":
                reading = await breakers.failed(provider, permit)
                state, change = after_failure(before, permit, reading.now, rules)
            case "succeed":
                reading = await breakers.succeeded(provider, permit)
                state, change = after_success(before, permit, reading.now, rules)
            case "probe":
                token = chance.choice("ab")
                reading = await breakers.take_probe(provider, token, 0.03)
                state, change = with_probe(before, token, reading.now, 30), Change.NONE
            case "back":
                reading = await breakers.give_back_probe(provider, token)
                state, change = without_probe(before, token), Change.NONE
            case "wait":
                await asyncio.sleep(chance.choice([0.0, 0.02]))
                continue
            case _:
                (reading,) = await breakers.read([provider])
                change = Change.NONE
        assert (reading.state, reading.change) == (state, change)
        seen.add(change)
    assert seen == set(Change), "the steps did not lead everywhere"


async def test_channels_with_a_provider_of_one_name_have_breakers_of_their_own(
    redis: "Redis",
) -> None:
    provider = f"sandbox-{uuid4().hex}"
    push = RedisBreakers(redis, NotificationType.PUSH, rules=RULES)
    await push.failed(provider, Permit())
    (reading,) = await redis_breakers(redis).read([provider])
    assert reading.state.failures == 0


async def test_a_breaker_is_forgotten_a_day_after_its_last_change(redis: "Redis") -> None:
    provider = f"smtp-{uuid4().hex}"
    await redis_breakers(redis).failed(provider, Permit())
    assert await redis.ttl(breaker_key(EMAIL, provider)) == KEPT_SECONDS
    await redis_breakers(redis).succeeded(f"{provider}-unknown", Permit())
    assert not await redis.exists(breaker_key(EMAIL, f"{provider}-unknown"))


async def test_works_on_after_redis_forgot_its_scripts(redis: "Redis") -> None:
    breakers, provider = redis_breakers(redis), f"smtp-{uuid4().hex}"
    await breakers.failed(provider, Permit())
    await redis.script_flush()
    assert (await breakers.failed(provider, Permit())).state.failures == 2


async def test_says_that_breakers_are_unavailable_when_redis_is_away() -> None:
    away = create_redis("redis://127.0.0.1:1/0", name="away")
    breakers = redis_breakers(away)
    for step in (
        lambda: breakers.read(["smtp"]),
        lambda: breakers.failed("smtp", Permit()),
        lambda: breakers.succeeded("smtp", Permit()),
        lambda: breakers.take_probe("smtp", "a", 1),
        lambda: breakers.give_back_probe("smtp", "a"),
    ):
        with pytest.raises(BreakersUnavailableError):
            await step()
    await away.aclose()


async def test_gives_up_a_redis_that_does_not_answer_in_time(redis_url: str) -> None:
    frozen = create_redis(redis_url, name="frozen", timeout_seconds=5)
    controlling = create_redis(redis_url, name="controlling", timeout_seconds=5)
    breakers = redis_breakers(frozen)
    await breakers.read(["smtp"])
    await controlling.execute_command("CLIENT", "PAUSE", 1500, "ALL")  # type: ignore[no-untyped-call]
    started = asyncio.get_running_loop().time()
    with pytest.raises(BreakersUnavailableError):
        await breakers.failed("smtp", Permit())
    assert asyncio.get_running_loop().time() - started < 1.2
    await controlling.ping()  # answered when the pause is over
    await frozen.aclose()
    await controlling.aclose()

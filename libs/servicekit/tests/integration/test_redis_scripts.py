"""Scripts that are asked for together, on a real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from devstack.redis import Redis as PrivateRedis
from servicekit.redis import PAUSE_SECONDS, RedisPause, RedisUnavailableError, create_redis
from servicekit.redis_scripts import LONGEST_BATCH, RedisScripts, Script

COUNT = Script.of("return redis.call('INCRBY', KEYS[1], ARGV[1])")
ECHO = Script.of("return ARGV[1]")
ALL = Script.of("for _, each in ipairs(ARGV) do table.insert(KEYS, each) end return KEYS")
NOTHING = Script.of("local nothing = 1")
ERROR = Script.of("error('this is a defect')")
FAIL = Script.of("return redis.error_reply('ERR this one fails')")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator["Redis"]:
    client = create_redis(redis_url, name="test", max_connections=2)
    await client.delete("test:scripts")
    yield client
    await client.aclose()


async def test_everybody_gets_the_answer_to_their_own_call(redis: "Redis") -> None:
    scripts = RedisScripts(redis)
    count = 3 * LONGEST_BATCH + 7
    answers = await asyncio.gather(
        *(scripts.run(ECHO, keys=[], arguments=[number]) for number in range(count))
    )
    assert answers == [str(number) for number in range(count)]


async def test_calls_at_one_moment_share_round_trips(redis: "Redis") -> None:
    scripts = RedisScripts(redis)
    await scripts.run(ECHO, keys=[], arguments=[1])  # known to Redis from here on
    before = (await redis.info("stats"))["total_reads_processed"]
    await asyncio.gather(*(scripts.run(ECHO, keys=[], arguments=[1]) for _ in range(100)))
    after = (await redis.info("stats"))["total_reads_processed"]
    assert after - before < 20


async def test_a_script_that_fails_fails_for_its_caller_only(redis: "Redis") -> None:
    scripts = RedisScripts(redis)
    answers: list[object] = await asyncio.gather(
        scripts.run(ECHO, keys=[], arguments=["fine"]),
        scripts.run(FAIL, keys=[], arguments=[]),
        return_exceptions=True,
    )
    assert answers[0] == "fine"
    assert isinstance(answers[1], ResponseError)


async def test_calls_of_one_script_share_a_command_and_fail_each_for_itself(redis: "Redis") -> None:
    scripts = RedisScripts(redis)
    await redis.set("test:scripts", "no number")
    await redis.delete("test:scripts:2")
    keys = ["test:scripts:2", "test:scripts", "test:scripts:2"]
    answers: list[object] = await asyncio.gather(
        *(scripts.run(COUNT, keys=[key], arguments=[number]) for number, key in enumerate(keys, 1)),
        scripts.run(ERROR, keys=[], arguments=[]),
        scripts.run(NOTHING, keys=[], arguments=[]),
        scripts.run(NOTHING, keys=[], arguments=[]),
        return_exceptions=True,
    )
    assert answers[::2] == [1, 4, None]
    assert answers[5] is None
    assert isinstance(answers[1], ResponseError)
    assert isinstance(answers[3], ResponseError)
    assert "is a defect" in str(answers[3])


async def test_many_keys_and_arguments_come_in_their_order(redis: "Redis") -> None:
    scripts = RedisScripts(redis)
    answers = await asyncio.gather(
        *(
            scripts.run(ALL, keys=[f"k{n}", f"l{n}"], arguments=[n, n + 1, n + 2])
            for n in range(LONGEST_BATCH)
        ),
        scripts.run(ALL, keys=["other"], arguments=[]),
    )
    assert answers[:-1] == [
        [f"k{n}", f"l{n}", str(n), str(n + 1), str(n + 2)] for n in range(LONGEST_BATCH)
    ]
    assert answers[-1] == ["other"]


async def test_a_redis_that_forgot_its_scripts_runs_each_call_once(redis: "Redis") -> None:
    scripts = RedisScripts(redis)
    await scripts.run(COUNT, keys=["test:scripts"], arguments=[1])
    await redis.script_flush()
    await asyncio.gather(
        *(scripts.run(COUNT, keys=["test:scripts"], arguments=[1]) for _ in range(10))
    )
    assert await redis.get("test:scripts") == "11"


async def test_a_caller_that_is_cancelled_takes_nobody_along(redis: "Redis") -> None:
    scripts = RedisScripts(redis)
    impatient = asyncio.create_task(scripts.run(ECHO, keys=[], arguments=["a"]))
    patient = asyncio.create_task(scripts.run(ECHO, keys=[], arguments=["b"]))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "b"
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_frozen_redis_costs_two_time_outs_at_most(private_redis: PrivateRedis) -> None:
    redis = create_redis(private_redis.url, name="test")
    scripts = RedisScripts(redis)
    await scripts.run(ECHO, keys=[], arguments=[1])

    async def seconds_until_refused() -> float:
        started = time.monotonic()
        with pytest.raises(RedisUnavailableError):
            await scripts.run(ECHO, keys=[], arguments=[1])
        return time.monotonic() - started

    private_redis.freeze()
    try:
        first = asyncio.create_task(seconds_until_refused())
        await asyncio.sleep(0.1)
        later = await asyncio.gather(*(seconds_until_refused() for _ in range(20)))
        assert await first < 0.8
        assert max(later) < 1.4
    finally:
        private_redis.thaw()
    assert await scripts.run(ECHO, keys=[], arguments=["again"]) == "again"
    await redis.aclose()


async def test_a_call_that_cannot_be_written_leaves_nobody_waiting(redis: "Redis") -> None:
    scripts = RedisScripts(redis)
    answers: list[object]
    async with asyncio.timeout(5):
        answers = await asyncio.gather(
            scripts.run(ECHO, keys=[], arguments=["\ud800"]),
            *(scripts.run(ECHO, keys=[], arguments=[1]) for _ in range(2 * LONGEST_BATCH)),
            return_exceptions=True,
        )
    assert isinstance(answers[0], UnicodeEncodeError)
    assert answers[-1] == "1"


async def test_with_a_pause_who_waits_behind_a_time_out_waits_no_longer(
    private_redis: PrivateRedis,
) -> None:
    redis = create_redis(private_redis.url, name="test")
    scripts = RedisScripts(redis, RedisPause())
    await scripts.run(ECHO, keys=[], arguments=[1])

    async def refused() -> None:
        with pytest.raises(RedisUnavailableError):
            await scripts.run(ECHO, keys=[], arguments=[1])

    private_redis.freeze()
    try:
        started = time.monotonic()
        first = asyncio.create_task(refused())
        await asyncio.sleep(0.1)
        await asyncio.gather(first, *(refused() for _ in range(20)))
        assert time.monotonic() - started < 0.8
        await refused()
        assert time.monotonic() - started < 0.8
    finally:
        private_redis.thaw()
    await asyncio.sleep(PAUSE_SECONDS)
    assert await scripts.run(ECHO, keys=[], arguments=["again"]) == "again"
    await redis.aclose()

"""Redis away while deliveries are claimed."""

import asyncio

from tests.faults.bench import CONCURRENCY, Bench
from tests.faults.checker import Allowance
from tests.faults.load import Load, LoadPlan
from tests.faults.test_worker_faults import SLOW_PROVIDER


async def test_redis_killed(bench: Bench) -> None:
    kills = bench.take(full=3, quick=1)

    async def kill_and_start(_: Load) -> None:
        await bench.system.set_failures("smtp", SLOW_PROVIDER)
        for _kill in range(kills):
            await asyncio.sleep(2)
            bench.stack.servers.redis.kill()
            await asyncio.sleep(5)
            await bench.stack.servers.redis.start()

    result = await bench.run(
        f"Redis killed (SIGKILL), {kills} times",
        LoadPlan(count=kills * 250, per_second=30),
        kill_and_start,
        allow=Allowance(crashes=kills, in_flight=CONCURRENCY * len(bench.workers)),
    )
    assert result.passed, str(result)

"""Email workers that die, hang, or are replaced while mails flow."""

import asyncio

import pytest
from tests.faults.bench import CONCURRENCY, LEASE_SECONDS, Bench
from tests.faults.checker import Allowance
from tests.faults.load import Load, LoadPlan
from tests.faults.processes import restart

# Half of the mails are taken at once and answered slowly, half are taken late: a worker that dies
# in the middle dies on either side of the provider's yes.
SLOW_PROVIDER = [
    {"action": "drip", "delay_seconds": 0.01, "probability": 0.5},
    {"action": "delay", "delay_seconds": 0.3},
]


async def test_kill_9_of_a_worker_in_the_middle_of_sending(bench: Bench) -> None:
    kills = bench.take(full=20, quick=2)
    rng = bench.rng("kills")

    async def kill_again_and_again(_: Load) -> None:
        await bench.system.set_failures("smtp", SLOW_PROVIDER)
        for number in range(kills):
            await asyncio.sleep(rng.uniform(2, 3))
            worker = bench.workers[number % len(bench.workers)]
            await bench.stack.ready([worker.name])
            await bench.busy(worker)
            worker.kill()

    result = await bench.run(
        f"kill -9 of a worker, {kills} times",
        LoadPlan(count=kills * 140, per_second=20),
        kill_again_and_again,
        allow=Allowance(crashes=kills, in_flight=CONCURRENCY),
    )
    assert result.passed, str(result)


@pytest.mark.slow
async def test_a_worker_frozen_past_its_lease(bench: Bench) -> None:
    async def freeze_one(_: Load) -> None:
        await bench.system.set_failures("smtp", SLOW_PROVIDER)
        await asyncio.sleep(2)
        await bench.busy(bench.workers[0], 2)
        bench.workers[0].freeze()
        await asyncio.sleep(LEASE_SECONDS * 3)
        bench.workers[0].thaw()
        await asyncio.sleep(2)

    result = await bench.run(
        "a worker frozen (SIGSTOP) past its lease",
        LoadPlan(count=600, per_second=30),
        freeze_one,
        allow=Allowance(crashes=1, in_flight=CONCURRENCY),
        drain_seconds=90,
    )
    assert result.passed, str(result)


async def test_a_rolling_restart_of_all_workers_under_load(bench: Bench) -> None:
    rounds = bench.take(full=3, quick=1)

    async def restart_one_after_the_other(_: Load) -> None:
        await bench.system.set_failures("smtp", SLOW_PROVIDER)
        await asyncio.sleep(1)
        for _round in range(rounds):
            for worker in bench.workers:
                await restart([worker], bench.stack)

    result = await bench.run(
        "rolling restart of all workers under load",
        LoadPlan(count=rounds * 300, per_second=30),
        restart_one_after_the_other,
    )
    assert result.passed, str(result)

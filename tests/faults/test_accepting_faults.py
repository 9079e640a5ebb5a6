"""What accepts and records dies: the gateway, the relay, PostgreSQL."""

import asyncio

import pytest
from tests.faults.bench import Bench
from tests.faults.load import Load, LoadPlan

LEAST_ACCEPTED = 0.1
"""Most of the time nobody is there to accept anything."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "least_accepted"), [("api-gateway", LEAST_ACCEPTED), ("relay", 0.95)]
)
async def test_kill_9_of_what_accepts_and_records(
    bench: Bench, service: str, least_accepted: float
) -> None:
    kills = bench.take(full=5, quick=1)
    rng = bench.rng(service)
    victim = bench.stack.services[service]

    async def kill_again_and_again(_: Load) -> None:
        for _kill in range(kills):
            await asyncio.sleep(rng.uniform(1, 2))
            victim.kill()
            await bench.stack.ready([service])

    result = await bench.run(
        f"kill -9 of {service}, {kills} times",
        LoadPlan(count=kills * 200, per_second=30),
        kill_again_and_again,
        drain_seconds=120,
        least_accepted=least_accepted,
    )
    assert result.passed, str(result)


@pytest.mark.slow
async def test_postgresql_killed(bench: Bench) -> None:
    async def kill_and_start(_: Load) -> None:
        await asyncio.sleep(3)
        bench.stack.servers.postgres.kill()
        await asyncio.sleep(3)
        await bench.stack.servers.postgres.start()

    result = await bench.run(
        "PostgreSQL killed (SIGKILL)",
        LoadPlan(count=400, per_second=30),
        kill_and_start,
        drain_seconds=120,
        least_accepted=LEAST_ACCEPTED,
    )
    assert result.passed, str(result)

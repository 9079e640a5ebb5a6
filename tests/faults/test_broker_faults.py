"""RabbitMQ restarted, killed, or out of reach while notifications are accepted and sent."""

import asyncio

import pytest
from tests.faults.bench import Bench
from tests.faults.load import Load, LoadPlan
from tests.faults.test_worker_faults import SLOW_PROVIDER

from devstack.fault_proxy import BLACK_HOLE, RESETTING, Conditions


@pytest.mark.slow
async def test_the_broker_restarted_gracefully(bench: Bench) -> None:
    async def stop_and_start(_: Load) -> None:
        await bench.system.set_failures("smtp", SLOW_PROVIDER)
        await asyncio.sleep(2)
        await bench.stack.servers.rabbitmq.stop()
        await bench.stack.servers.rabbitmq.start()

    result = await bench.run(
        "broker restarted gracefully", LoadPlan(count=500, per_second=30), stop_and_start
    )
    assert result.passed, str(result)


async def test_the_broker_killed(bench: Bench) -> None:
    kills = bench.take(full=3, quick=1)

    async def kill_and_start(_: Load) -> None:
        await bench.system.set_failures("smtp", SLOW_PROVIDER)
        for _kill in range(kills):
            await asyncio.sleep(2)
            bench.stack.servers.rabbitmq.kill()
            await bench.stack.servers.rabbitmq.start()

    result = await bench.run(
        f"broker killed (SIGKILL), {kills} times",
        LoadPlan(count=kills * 400, per_second=30),
        kill_and_start,
    )
    assert result.passed, str(result)


@pytest.mark.parametrize(
    ("name", "conditions"),
    [
        ("black hole", BLACK_HOLE),
        pytest.param("connections reset", RESETTING, marks=pytest.mark.slow),
    ],
    ids=["black-hole", "reset"],
)
async def test_the_broker_out_of_reach(bench: Bench, name: str, conditions: Conditions) -> None:
    seconds = bench.take(full=60, quick=12)

    async def cut_off(_: Load) -> None:
        await bench.system.set_failures("smtp", SLOW_PROVIDER)
        await asyncio.sleep(2)
        bench.broker.change(conditions)
        await asyncio.sleep(seconds)

    result = await bench.run(
        f"broker out of reach for {seconds} s: {name}",
        LoadPlan(count=seconds * 20, per_second=20),
        cut_off,
        drain_seconds=120,
    )
    assert result.passed, str(result)

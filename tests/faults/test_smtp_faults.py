"""Every way in which an SMTP server can fail, while the rest of the system is well."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from tests.faults.bench import ATTEMPT_SECONDS, Bench
from tests.faults.checker import Allowance
from tests.faults.load import Load, LoadPlan, create_users
from tests.faults.processes import eventually


async def used(bench: Bench) -> list[int]:
    """How often the sandbox followed each of its rules."""
    answer = await bench.system.http.get(f"{bench.system.urls.sandbox}/sandbox/failures/smtp")
    return [rule["used"] for rule in answer.json()]


async def test_a_storm_of_421_and_450(bench: Bench) -> None:
    seconds = bench.take(full=30, quick=7)

    async def storm(_: Load) -> None:
        await bench.system.set_failures(
            "smtp",
            [
                {"status": 421, "stage": "connect", "probability": 0.5},
                {"status": 421, "stage": "mail", "probability": 0.3},
                {"status": 450, "stage": "rcpt"},
            ],
        )
        await asyncio.sleep(seconds)

    result = await bench.run(
        f"SMTP 421/450 storm for {seconds} s",
        LoadPlan(count=seconds * 20, per_second=25),
        storm,
        drain_seconds=180,
    )
    assert result.passed, str(result)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["connect", "rcpt", "data"])
async def test_a_server_that_hangs(bench: Bench, stage: str) -> None:
    async def hang(_: Load) -> None:
        await bench.system.set_failures(
            "smtp", [{"action": "hang", "stage": stage, "probability": 0.2}]
        )
        await asyncio.sleep(8)

    result = await bench.run(
        f"SMTP hangs at {stage}", LoadPlan(count=150, per_second=25), hang, drain_seconds=120
    )
    assert result.passed, str(result)


@pytest.mark.slow
async def test_a_reply_that_drips_within_the_deadline(bench: Bench) -> None:
    async def drip(_: Load) -> None:
        await bench.system.set_failures("smtp", [{"action": "drip", "delay_seconds": 0.03}])
        await asyncio.sleep(8)

    result = await bench.run("SMTP drips, in time", LoadPlan(count=150, per_second=20), drip)
    assert result.passed, str(result)


@pytest.mark.slow
async def test_a_reply_that_drips_past_the_deadline(bench: Bench) -> None:
    late = 12

    async def drip(_: Load) -> None:
        rule = {"action": "drip", "delay_seconds": ATTEMPT_SECONDS / 10}
        await bench.system.set_failures("smtp", [{**rule, "probability": 0.2, "times": late}])

        async def dripped() -> int:
            return sum(await used(bench))

        assert await eventually(dripped, late, 30) == late

    async def one_for_each() -> Allowance:
        return Allowance(late_answers=late)

    result = await bench.run(
        "SMTP drips, too slowly",
        LoadPlan(count=150, per_second=20),
        drip,
        allow=one_for_each,
        drain_seconds=120,
    )
    assert result.passed, str(result)


@pytest.mark.parametrize("stage", ["rcpt", pytest.param("data", marks=pytest.mark.slow)])
async def test_one_in_ten_refused_for_good(bench: Bench, stage: str) -> None:
    name, tenth = bench.new_name(), bench.take(full=30, quick=10)
    users = await create_users(bench.system, f"refused-{name}", tenth, "refusing.example.com")
    users += await create_users(bench.system, f"taken-{name}", 9 * tenth)
    bench.rng(stage).shuffle(users)
    since = await bench.log.position()
    rule: Mapping[str, Any] = {
        "status": 550,
        "text": "5.7.1 Not wanted here",
        "stage": stage,
        "recipient": "*@refusing.example.com",
    }

    async def refuse(load: Load) -> None:
        await bench.system.set_failures("smtp", [dict(rule)])
        await load.finished.wait()
        refused = await eventually(lambda: bench.log.refusals_since(since), tenth, 30)
        assert refused == tenth

    result = await bench.run(
        f"SMTP 550 at {stage} for 10 %",
        LoadPlan(count=10 * tenth, per_second=30, one_each=True),
        refuse,
        users=users,
    )
    assert result.passed, str(result)
    assert result.states == {"delivered": 9 * tenth, "failed": tenth}


async def test_a_connection_dropped_after_the_final_dot(bench: Bench) -> None:
    async def drop(_: Load) -> None:
        await bench.system.set_failures(
            "smtp", [{"action": "drop_after_accept", "probability": 0.2}]
        )
        await asyncio.sleep(8)

    result = await bench.run(
        "connection dropped after the final dot, 20 %",
        LoadPlan(count=200, per_second=30),
        drop,
        drain_seconds=120,
    )
    assert result.excused > 0
    assert result.passed, str(result)

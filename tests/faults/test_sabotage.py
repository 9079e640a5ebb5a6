"""The whole chain of evidence finds a broken engine: three real ones, each broken in one part."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.faults.bench import CONCURRENCY, Bench
from tests.faults.checker import Allowance
from tests.faults.load import Load, LoadPlan
from tests.faults.processes import restart
from tests.faults.test_worker_faults import SLOW_PROVIDER

from devstack.fault_proxy import PASSING, RESETTING

PROGRAM = Path(__file__).parent / "sabotaged_email_service.py"


@pytest.fixture
async def sabotaged(bench: Bench, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """All workers run the sabotaged program; what it left in the broker is thrown away."""
    for worker in bench.workers:
        bench.change(worker, argv=(sys.executable, str(PROGRAM), request.param))
    await restart(bench.workers, bench.stack)
    yield
    await bench.purge()


@pytest.fixture(scope="module", autouse=True)
async def repaired_at_the_end(bench: Bench) -> AsyncIterator[None]:
    yield
    for worker in bench.workers:
        bench.change(worker)
    await restart(bench.workers, bench.stack)


@pytest.mark.usefixtures("sabotaged")
@pytest.mark.parametrize("sabotaged", ["acknowledges-first"], indirect=True)
async def test_an_engine_that_acknowledges_first_loses_mails_in_a_crash(bench: Bench) -> None:
    async def kill_one(_: Load) -> None:
        await bench.system.set_failures("smtp", [{"action": "delay", "delay_seconds": 1}])
        await bench.busy(bench.workers[0], 8)
        bench.workers[0].kill()

    result = await bench.run(
        "sabotaged: acknowledges first",
        LoadPlan(count=100, per_second=40),
        kill_one,
        allow=Allowance(crashes=1, in_flight=CONCURRENCY),
        drain_seconds=5,
        sabotaged=True,
    )
    assert len(result.lost) > 0
    assert not result.passed


@pytest.mark.usefixtures("sabotaged")
@pytest.mark.parametrize("sabotaged", ["drops-outcomes"], indirect=True)
async def test_an_engine_that_drops_outcomes_has_states_that_the_log_does_not_bear_out(
    bench: Bench,
) -> None:
    async def nothing(_: Load) -> None:
        """The dropped outcomes are the fault."""

    result = await bench.run(
        "sabotaged: drops outcomes",
        LoadPlan(count=60, per_second=40),
        nothing,
        drain_seconds=5,
        sabotaged=True,
    )
    assert len(result.wrong_states) > 0
    assert result.lost == ()


@pytest.mark.usefixtures("sabotaged")
@pytest.mark.parametrize("sabotaged", ["no-claim"], indirect=True)
async def test_an_engine_without_claims_sends_twice_what_the_broker_hands_out_twice(
    bench: Bench,
) -> None:
    async def cut_the_broker_off(_: Load) -> None:
        await bench.system.set_failures("smtp", SLOW_PROVIDER)
        for _cut in range(2):
            await asyncio.sleep(1)
            await bench.busy(bench.workers[0], 4)
            bench.broker.change(RESETTING)
            await asyncio.sleep(0.2)
            bench.broker.change(PASSING)

    result = await bench.run(
        "sabotaged: no claim",
        LoadPlan(count=200, per_second=40),
        cut_the_broker_off,
        drain_seconds=30,
        sabotaged=True,
    )
    assert result.duplicates > 0
    assert not result.passed
    assert result.lost == ()

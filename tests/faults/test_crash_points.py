"""A worker that dies at a named step of a delivery: each step leaves what it should."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.faults.bench import Bench
from tests.faults.checker import Allowance
from tests.faults.fuse import Fuse
from tests.faults.load import Load, LoadPlan, create_users
from tests.faults.processes import restart

from delivery.failpoints import Failpoint

# Where the answer of the provider is lost with the process, and nowhere else, it is asked again.
DUPLICATES = {Failpoint.AFTER_PROVIDER_ACCEPT: 1}
DELIVERY_SECONDS = 60.0


@pytest.fixture
def fuse(tmp_path: Path) -> Fuse:
    return Fuse(tmp_path / "fuse")


@pytest.fixture
async def armed(bench: Bench, fuse: Fuse, request: pytest.FixtureRequest) -> Failpoint:
    """All workers die at this step when the fuse is there."""
    point = Failpoint(request.param)
    settings = {
        "FAILPOINT": point.value,
        "FAILPOINT_FILE": str(fuse.path),
        "ATTEMPT_SECONDS": "2",
        "LEASE_MARGIN_SECONDS": "0.5",
    }
    for worker in bench.workers:
        bench.change(worker, settings)
    await restart(bench.workers, bench.stack)
    return point


@pytest.fixture(scope="module", autouse=True)
async def disarmed_at_the_end(bench: Bench) -> AsyncIterator[None]:
    yield
    for worker in bench.workers:
        bench.change(worker)
    await restart(bench.workers, bench.stack)


@pytest.mark.parametrize("armed", list(Failpoint), indirect=True)
async def test_a_crash_at_a_named_step(bench: Bench, armed: Failpoint, fuse: Fuse) -> None:
    crashes = bench.take(full=20, quick=1)
    plan = LoadPlan(count=0, per_second=1)
    users = await create_users(bench.system, f"crash-{armed.value}-{bench.new_name()}", 1)

    async def die_again_and_again(load: Load) -> None:
        for number in range(crashes):
            fuse.light()
            await load.ask(plan, number, users[0])
            await fuse.burnt()
            await bench.system.finished(load.accepted[f"{load.name}-{number}"], DELIVERY_SECONDS)

    result = await bench.run(
        f"crash at {armed.value}, {crashes} times",
        plan,
        die_again_and_again,
        allow=Allowance(crashes=crashes, in_flight=DUPLICATES.get(armed, 0)),
        users=users,
    )
    assert result.accepted == crashes
    assert result.passed, str(result)
    assert result.worst_duplicates <= DUPLICATES.get(armed, 0)

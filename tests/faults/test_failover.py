"""Two SMTP servers in a chain: the second takes over while the first is down, and gives it back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.faults.bench import CONCURRENCY, Bench
from tests.faults.checker import Allowance
from tests.faults.load import Load, LoadPlan
from tests.faults.processes import restart

from devstack.fault_proxy import PASSING, RESETTING, FaultProxy

TAKEN_OVER_SECONDS = 5.0
PRIMARY, BACKUP = "smtp", "smtp-b"
"""As the sandbox calls them in its log; to the workers they are smtp-a and smtp-b."""


@pytest.fixture
async def primary(bench: Bench) -> AsyncIterator[FaultProxy]:
    """What stands between the workers and the first of their two servers."""
    ports = bench.stack.addresses.ports
    proxy = FaultProxy(lambda: ports["smtp"])
    await proxy.start()
    chain = {"EMAIL_PROVIDERS": "smtp-a,smtp-b"}
    for name, port in (("SMTP_A", proxy.port), ("SMTP_B", ports["smtp-b"])):
        chain |= {f"{name}_HOST": "127.0.0.1", f"{name}_PORT": str(port), f"{name}_TLS": "none"}
    for worker in bench.workers:
        bench.change(worker, chain)
    await restart(bench.workers, bench.stack)
    yield proxy
    for worker in bench.workers:
        bench.change(worker)
    await restart(bench.workers, bench.stack)
    await proxy.stop()


@pytest.mark.slow
async def test_the_backup_carries_while_the_primary_is_down_and_gives_back(
    bench: Bench, primary: FaultProxy
) -> None:
    down_seconds = bench.take(full=30, quick=10)
    since = await bench.log.position()
    times: list[datetime] = []

    async def take_the_primary_away(_: Load) -> None:
        await asyncio.sleep(4)
        times.append(datetime.now(UTC))
        primary.change(RESETTING)
        await asyncio.sleep(down_seconds)
        times.append(datetime.now(UTC))
        primary.change(PASSING)

    result = await bench.run(
        f"failover: the first of two SMTP servers down for {down_seconds} s",
        LoadPlan(count=(down_seconds + 25) * 20, per_second=20),
        take_the_primary_away,
        # Connections that are cut after the final dot take the yes with them.
        allow=Allowance(crashes=1, in_flight=CONCURRENCY * len(bench.workers)),
        drain_seconds=90,
    )
    assert result.passed, str(result)

    lines = [line for line in await bench.log.entries_since(since) if line["accepted"]]
    down, back = times
    before = providers_between(lines, down - timedelta(seconds=4), down)
    assert set(before) == {PRIMARY}
    carried = providers_between(lines, down + timedelta(seconds=TAKEN_OVER_SECONDS), back)
    assert set(carried) == {BACKUP}
    first = min(at(line) for line in lines if line["provider"] == BACKUP)
    assert first - down <= timedelta(seconds=TAKEN_OVER_SECONDS)
    returned = [at(line) for line in lines if line["provider"] == PRIMARY and at(line) > back]
    assert returned, "traffic did not return"
    last = providers_between(lines, at(lines[-1]) - timedelta(seconds=2), at(lines[-1]))
    assert set(last) == {PRIMARY}

    # What may have been taken is asked of the same server again, or of nobody.
    taken_by = {
        name: {line["title"] for line in lines if line["provider"] == name}
        for name in (PRIMARY, BACKUP)
    }
    assert taken_by[PRIMARY] & taken_by[BACKUP] == set()
    bench.results.remark(
        f"the second took over after {(first - down).total_seconds():.1f} s and sent "
        f"{carried[BACKUP]}; the first had mail again {(returned[0] - back).total_seconds():.1f} s "
        "after it was back; none sent by both"
    )


def at(line: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(line["at"])


def providers_between(lines: list[dict[str, Any]], begin: datetime, end: datetime) -> Counter[str]:
    return Counter(line["provider"] for line in lines if begin < at(line) < end)

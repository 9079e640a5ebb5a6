"""How fast notifications are accepted, beside a limit measured in turns: `make bench-accept`.

Prints a table of ratios and figures, and ends with exit code 1 when a required one is missed.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.accept_system import AcceptSystem, running_accept_system
from benchmarks.email_system import make_home, resident_megabytes
from benchmarks.errors import BenchmarkError
from benchmarks.release import PER_SECOND, RELAYS, release_scheduled
from benchmarks.report import Bound, Figure, Report
from benchmarks.wrk import Load, Run, post
from devstack.errors import DevstackError
from servicekit.logs import configure_logging

_HOME: Final = Path(".devstack/bench-accept")
CONNECTIONS: Final = 64
CROWD: Final = 100
BATCH: Final = 100
_BATCH_CLIENTS: Final = 4
REPLAYED_KEYS: Final = 200
_RATIO: Final = {1: 0.65, 2: 0.8}
_NAIVE_BY_EMPTY: Final = 0.15
_BATCH_RATIO: Final = 0.4
_REPLAY_RATIO: Final = 1.5
_P99_RATIO: Final = 1.2
_LATEST_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        runs: Of each side of a comparison, in turns; medians count.
        seconds: Of each run.
        notifications: After which the gateway's memory is told.
        scheduled_seconds: For which scheduled notifications fall due.
    """

    runs: int
    seconds: float
    notifications: int
    scheduled_seconds: float


FULL: Final = Extent(5, 6.0, 200_000, 30.0)
QUICK: Final = Extent(1, 4.0, 10_000, 5.0)

Measure = Callable[[AcceptSystem, Extent, Report], Awaitable[None]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when each required figure is met, 1 when one is missed or cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accept", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, less exact")
    parser.add_argument("--runs", type=int, help="of each comparison")
    parser.add_argument("--only", choices=sorted(_PARTS), action="append", help="a part of it")
    parser.add_argument("--home", type=Path, default=_HOME, help="where the system's data are kept")
    options = parser.parse_args(arguments)
    extent = QUICK if options.quick else FULL
    extent = replace(extent, runs=options.runs or extent.runs)
    configure_logging("benchmark", "WARNING", sys.stderr)
    try:
        make_home(options.home)
        report = asyncio.run(_measure(options.home, extent, options.only or list(_PARTS)))
    except (BenchmarkError, DevstackError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{report.table()}")
    return 0 if report.is_met else 1


async def _measure(home: Path, extent: Extent, parts: Sequence[str]) -> Report:
    report = Report()
    async with running_accept_system(home) as system:
        await _warm_up(system)
        for part in _PARTS:
            if part in parts:
                await _PARTS[part](system, extent, report)
    return report


async def _warm_up(system: AcceptSystem) -> None:
    await _accept(system, 2, Run(16, 2), prefix="warm")


async def _accept(system: AcceptSystem, processes: int, run: Run, *, prefix: str) -> Load:
    """What our gateway does with single notifications, each with a key of its own."""
    load = await post(system.gateways(processes), system.clients, run, prefix=prefix)
    await system.lane.empty()
    return load


async def _limit(system: AcceptSystem, processes: int, run: Run, *, publishes: bool = True) -> Load:
    async with system.naive(processes, publishes=publishes) as urls:
        await post(urls, system.clients, replace(run, seconds=1.0), prefix="warm")
        load = await post(urls, system.clients, run, prefix="limit")
    await system.lane.empty()
    return load


async def _single(system: AcceptSystem, extent: Extent, report: Report) -> None:
    for processes, required in _RATIO.items():
        of = f"{processes} process{'es' if processes > 1 else ''}"
        empty, naive, ours = [], [], []
        cpu = commits = requests = 0.0
        for number in range(extent.runs):
            run = Run(CONNECTIONS, extent.seconds)
            empty.append((await _limit(system, processes, run, publishes=False)).rate)
            naive.append((await _limit(system, processes, run)).rate)
            before = system.cpu_seconds(processes), await system.commits()
            load = await _accept(system, processes, run, prefix=f"s{processes}-{number}")
            cpu += system.cpu_seconds(processes) - before[0]
            commits += await system.commits() - before[1]
            requests += load.requests
            ours.append(load.rate)
            print(
                f"{of}, run {number + 1}: empty endpoint {empty[-1]:,.0f}/s, naive limit "
                f"{naive[-1]:,.0f}/s, ours {ours[-1]:,.0f}/s, ratio {ours[-1] / naive[-1]:.2f}",
                flush=True,
            )
        ratio = median(one / limit for one, limit in zip(ours, naive, strict=True))
        share = median(one / all_ for one, all_ in zip(naive, empty, strict=True))
        report.add(
            Figure(f"{of}: the naive limit", median(naive), "/s", decimals=0),
            Figure(
                f"{of}: naive limit / the same without publishing",
                share,
                "",
                Bound.AT_LEAST,
                _NAIVE_BY_EMPTY,
            ),
            Figure(f"{of}: single POST", median(ours), "/s", decimals=0),
            Figure(f"{of}: single POST / naive limit", ratio, "", Bound.AT_LEAST, required),
            Figure(f"{of}: gateway's CPU for 1,000", 1000 * cpu / requests, "s"),
            Figure(f"{of}: PostgreSQL commits for 1,000", 1000 * commits / requests, decimals=0),
        )


async def _batch(system: AcceptSystem, extent: Extent, report: Report) -> None:
    limits, ours = [], []
    batches = replace(system.clients, items=BATCH)
    urls = [f"{url}/batch" for url in system.gateways(1)]
    for number in range(extent.runs):
        limits.append(await system.raw_publish(BATCH))
        load = await post(urls, batches, Run(_BATCH_CLIENTS, extent.seconds), prefix=f"b-{number}")
        ours.append(load.rate * BATCH)
        await system.lane.empty()
    ratio = median(one / limit for one, limit in zip(ours, limits, strict=True))
    report.add(
        Figure("raw confirmed publishing, 100 at a time", median(limits), "/s", decimals=0),
        Figure(f"notifications in batches of {BATCH}", median(ours), "/s", decimals=0),
        Figure("batches / raw publishing", ratio, "", Bound.AT_LEAST, _BATCH_RATIO),
    )


async def _replay(system: AcceptSystem, extent: Extent, report: Report) -> None:
    first, again = [], []
    replaying = replace(system.clients, distinct=REPLAYED_KEYS)
    for number in range(extent.runs):
        run = Run(CONNECTIONS, extent.seconds)
        first.append((await _accept(system, 1, run, prefix=f"r-{number}")).rate)
        # Once to accept each key; no key is asked for twice at the same moment by so few.
        urls, prefix = system.gateways(1), f"again-{number}"
        await post(urls, replaying, Run(1, 2), prefix=prefix)
        again.append((await post(urls, replaying, run, prefix=prefix)).rate)
        await system.lane.empty()
    ratio = median(one / other for one, other in zip(again, first, strict=True))
    report.add(
        Figure("replays", median(again), "/s", decimals=0),
        Figure("replays / first accepts", ratio, "", Bound.AT_LEAST, _REPLAY_RATIO),
    )


async def _latency(system: AcceptSystem, extent: Extent, report: Report) -> None:
    ratios, ours, naive = [], [], []
    for number in range(extent.runs):
        run = Run(CROWD, extent.seconds)
        naive.append((await _limit(system, 1, run)).p99)
        ours.append((await _accept(system, 1, run, prefix=f"p-{number}")).p99)
        ratios.append(ours[-1] / naive[-1])
    report.add(
        Figure(f"p99 at {CROWD} connections, naive limit", median(naive), "ms", decimals=1),
        Figure(f"p99 at {CROWD} connections, single POST", median(ours), "ms", decimals=1),
        Figure("p99 by the limit's", median(ratios), "", Bound.AT_MOST, _P99_RATIO),
    )


async def _memory(system: AcceptSystem, extent: Extent, report: Report) -> None:
    before, accepted, number = resident_megabytes(system.gateway_pid()), 0, 0
    while accepted < extent.notifications:
        number += 1
        load = await _accept(system, 1, Run(CONNECTIONS, extent.seconds * 2), prefix=f"m-{number}")
        accepted += load.requests
    after = resident_megabytes(system.gateway_pid())
    of = f"after {accepted:,} more notifications"
    report.add(
        Figure("gateway's memory", before, "MB", decimals=0),
        Figure(f"{of}, growth", after - before, "MB", decimals=1),
    )


async def _release(system: AcceptSystem, extent: Extent, report: Report) -> None:
    seen = await release_scheduled(system, extent.scheduled_seconds)
    of = f"{seen.number:,} scheduled, {PER_SECOND:,} due a second, {RELAYS} relays"
    report.add(
        Figure(f"{of}: released", seen.times_released, "", Bound.AT_LEAST, seen.number, 0),
        Figure("releases of one notification, at most", seen.most_of_one, "", Bound.AT_MOST, 1, 0),
        Figure("earliest release after its time", 1000 * seen.earliest, "ms", Bound.AT_LEAST, 0.0),
        Figure("median", 1000 * seen.median, "ms", decimals=0),
        Figure("p99", 1000 * seen.p99, "ms", decimals=0),
        Figure("latest", 1000 * seen.latest, "ms", Bound.AT_MOST, 1000 * _LATEST_SECONDS, 0),
    )


_PARTS: Final[dict[str, Measure]] = {
    "single": _single,
    "batch": _batch,
    "replay": _replay,
    "latency": _latency,
    "memory": _memory,
    "release": _release,
}

if __name__ == "__main__":
    sys.exit(main())

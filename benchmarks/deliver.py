"""How fast, how steadily and how soon mails are delivered: `make bench-deliver`.

Prints a table of ratios and figures, and ends with exit code 1 when a required one is missed. The
machine matters little: a limit is measured in the same run, in turns with what it is compared to.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.deep_backlog import drain_backlog
from benchmarks.email_system import EmailSystem, make_home, running_email_system
from benchmarks.errors import BenchmarkError
from benchmarks.latency import measure_latency
from benchmarks.mail_rate import CONNECTIONS, limit_run, worker_run
from benchmarks.report import Bound, Figure, Report
from devstack.errors import DevstackError
from servicekit.logs import configure_logging

_HOME: Final = Path(".devstack/bench-deliver")
_RATIO: Final = 0.20
_GROWTH_MEGABYTES: Final = 50.0
_LAST_BY_FIRST: Final = 0.8


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        runs: Of the limit and of one worker, in turns; the medians count.
        mails: In each run of a worker; the limit sends twice as many in less time.
        pair_runs: Of two workers.
        backlog: Deliveries that wait for one worker at once.
        single_mails: Sent one by one through the empty system.
        load_seconds: How long the gateway is loaded, fully and then by half.
    """

    runs: int
    mails: int
    pair_runs: int
    backlog: int
    single_mails: int
    load_seconds: float


FULL: Final = Extent(5, 10_000, 3, 100_000, 200, 20.0)
QUICK: Final = Extent(3, 4_000, 1, 10_000, 50, 5.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when each required figure is met, 1 when one is missed or cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deliver", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, less exact")
    parser.add_argument("--runs", type=int, help="of the comparison")
    parser.add_argument("--mails", type=int, help="in each run of a worker")
    parser.add_argument("--backlog", type=int, help="deliveries for the test of memory")
    parser.add_argument("--only", choices=sorted(_PARTS), help="one part of it")
    parser.add_argument("--home", type=Path, default=_HOME, help="where the system's data are kept")
    options = parser.parse_args(arguments)
    base = QUICK if options.quick else FULL
    extent = Extent(
        options.runs or base.runs,
        options.mails or base.mails,
        base.pair_runs,
        options.backlog or base.backlog,
        base.single_mails,
        base.load_seconds,
    )
    parts = [options.only] if options.only else list(_PARTS)
    configure_logging("benchmark", "WARNING", sys.stderr)
    try:
        make_home(options.home)
        report = asyncio.run(_measure(options.home, extent, parts))
    except (BenchmarkError, DevstackError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{report.table()}")
    return 0 if report.is_met else 1


async def _measure(home: Path, extent: Extent, parts: Sequence[str]) -> Report:
    report = Report()
    async with running_email_system(home) as system:
        mail = system.home / "mail.eml"
        mail.write_bytes(await system.typical_mail())
        await system.stop_services("email-service", "push-service")
        # First, while the gateway and the relay, which only this part needs, still run.
        for part in sorted(parts, key=list(_PARTS).index):
            await _PARTS[part](system, mail, extent, report)
    return report


async def _measure_latency(system: EmailSystem, _: Path, extent: Extent, report: Report) -> None:
    result = await measure_latency(system, mails=extent.single_mails, seconds=extent.load_seconds)
    report.add(
        Figure("POST to sink, empty system, median", result.empty.median, "ms", decimals=1),
        Figure("POST to sink, empty system, p99", result.empty.p99, "ms", decimals=1),
        Figure("the gateway accepts", result.accepted_rate, "/s", decimals=0),
        Figure("POST to sink, half of that, median", result.loaded.median, "ms", decimals=1),
        Figure("POST to sink, half of that, p99", result.loaded.p99, "ms", decimals=1),
    )


async def _measure_rate(system: EmailSystem, mail: Path, extent: Extent, report: Report) -> None:
    await _leave_the_worker_alone(system)
    limits, ours = [], []
    for number in range(extent.runs):
        limits.append((await limit_run(system, mail, 2 * extent.mails)).steady_rate())
        ours.append((await worker_run(system, extent.mails)).steady_rate())
        print(
            f"run {number + 1}: raw aiosmtplib {limits[-1]:,.0f}/s, one worker {ours[-1]:,.0f}/s, "
            f"ratio {ours[-1] / limits[-1]:.3f}",
            flush=True,
        )
    ratio = median(one / limit for one, limit in zip(ours, limits, strict=True))
    report.add(
        Figure(f"raw aiosmtplib, {CONNECTIONS} connections", median(limits), "/s", decimals=0),
        Figure("one worker, queue to sink, outcomes published", median(ours), "/s", decimals=0),
        Figure("one worker / raw aiosmtplib", ratio, "", Bound.AT_LEAST, _RATIO),
    )
    pairs = [
        (await worker_run(system, extent.mails, processes=2)).steady_rate()
        for _ in range(extent.pair_runs)
    ]
    report.add(Figure("two workers / one", median(pairs) / median(ours)))


async def _measure_backlog(system: EmailSystem, _: Path, extent: Extent, report: Report) -> None:
    await _leave_the_worker_alone(system)
    result = await drain_backlog(system, extent.backlog)
    warm, growth, last = (
        result.warm_megabytes,
        result.growth_megabytes,
        result.last_by_first_tenth,
    )
    of = f"backlog of {extent.backlog:,}"
    report.add(
        Figure(f"{of}: warm worker's memory", warm, "MB", decimals=1),
        Figure(f"{of}: growth above that", growth, "MB", Bound.AT_MOST, _GROWTH_MEGABYTES, 1),
        Figure(f"{of}: last tenth / first tenth", last, "", Bound.AT_LEAST, _LAST_BY_FIRST),
    )


async def _leave_the_worker_alone(system: EmailSystem) -> None:
    """Outcomes stay where they are counted, and nobody else takes processor time."""
    await system.stop_services("relay", "api-gateway", "user-service")


_PARTS: Final = {
    "latency": _measure_latency,
    "rate": _measure_rate,
    "backlog": _measure_backlog,
}


if __name__ == "__main__":
    sys.exit(main())

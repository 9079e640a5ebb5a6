"""wrk, a load generator in C: the clients of the benchmarks of accepting."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.errors import BenchmarkError

_SCRIPT: Final = Path(__file__).with_name("post_notifications.lua")
_MEASURED: Final = re.compile(
    r"measured (\d+) requests ([\d.]+) seconds (\d+) refused (\d+) broken "
    r"([\d.]+) p50 ([\d.]+) p95 ([\d.]+) p99"
)


@dataclass(frozen=True)
class Load:
    """What a run of wrk saw; latencies in milliseconds.

    Attributes:
        rate: Answered requests a second.
        refused: Answers of 400 and above.
        broken: Requests without an answer.
    """

    requests: int
    rate: float
    refused: int
    broken: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Clients:
    """What is sent: see `post_notifications.lua`."""

    api_key: str
    users: Path
    distinct: int = 0
    items: int = 1


@dataclass(frozen=True)
class Run:
    """How many clients there are, and how long they go on."""

    connections: int
    seconds: float


async def post(urls: Sequence[str], clients: Clients, run: Run, *, prefix: str) -> Load:
    """Load some processes, the connections shared among them, and return what was seen in all.

    Of several latencies the worst is told: their requests are different ones.

    Raises:
        BenchmarkError: wrk is not installed, or a request was not answered with a success.
    """
    each = replace(run, connections=run.connections // len(urls))
    loads = await asyncio.gather(
        *(_run(url, clients, each, f"{prefix}-{number}") for number, url in enumerate(urls))
    )
    total = Load(
        requests=sum(load.requests for load in loads),
        rate=sum(load.rate for load in loads),
        refused=sum(load.refused for load in loads),
        broken=sum(load.broken for load in loads),
        p50=max(load.p50 for load in loads),
        p95=max(load.p95 for load in loads),
        p99=max(load.p99 for load in loads),
    )
    if total.refused or total.broken:
        raise BenchmarkError(
            f"Of {total.requests} requests {total.refused} were refused and {total.broken} not "
            "answered: that is no measure of speed."
        )
    return total


async def _run(url: str, clients: Clients, run: Run, prefix: str) -> Load:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchmarkError("wrk is not installed (Debian and Ubuntu: apt-get install wrk).")
    process = await asyncio.create_subprocess_exec(
        *(wrk, "-t1", f"-c{run.connections}", f"-d{run.seconds:g}s", "--timeout", "10s"),
        *("-s", str(_SCRIPT), url, "--"),
        *(clients.api_key, str(clients.users), prefix, str(clients.distinct), str(clients.items)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    found = _MEASURED.search(output)
    if found is None:
        raise BenchmarkError(f"wrk ended with {process.returncode}: {output}")
    requests, duration, refused, broken, p50, p95, p99 = found.groups()
    return Load(
        requests=int(requests),
        rate=int(requests) / float(duration),
        refused=int(refused),
        broken=int(broken),
        p50=float(p50),
        p95=float(p95),
        p99=float(p99),
    )

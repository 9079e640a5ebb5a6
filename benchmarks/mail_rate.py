"""Mails a second: raw aiosmtplib, and our worker from queue to sink."""

import asyncio
import sys
from pathlib import Path
from signal import SIGTERM
from typing import Final

from benchmarks.email_system import CHECKOUT, EmailSystem
from benchmarks.errors import BenchmarkError
from benchmarks.progress import Progress, watch
from devstack.environments import inherited_environment
from devstack.processes import tie_to_parent

CONNECTIONS: Final = 32
_OUTCOME_SECONDS: Final = 10.0


async def limit_run(system: EmailSystem, mail: Path, count: int) -> Progress:
    """Let raw aiosmtplib send so many copies of a mail over kept connections.

    Raises:
        BenchmarkError: It failed, or nothing moved.
    """
    async with system.sink() as sink:
        sender = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "benchmarks.raw_smtp"),
            *("--port", str(sink.port), "--mail", str(mail)),
            *("--connections", str(CONNECTIONS), "--count", str(count)),
            cwd=CHECKOUT,
            env=inherited_environment(),
            preexec_fn=tie_to_parent(SIGTERM),
        )

        def refuse_failure(_: int) -> None:
            if sender.returncode:
                raise BenchmarkError("The raw sender failed; see above.")

        try:
            progress = await watch(sink.accepted, count, refuse_failure)
        finally:
            if sender.returncode is None:
                sender.kill()
                await sender.wait()
    return progress


async def worker_run(system: EmailSystem, count: int, processes: int = 1) -> Progress:
    """Let our workers empty a lane that holds so many deliveries, outcomes included.

    Raises:
        BenchmarkError: Nothing moved, or not each delivery was sent once and reported once.
    """
    await system.lane.empty()
    await system.lane.fill(count)
    async with (
        system.sink() as sink,
        system.workers(sink, processes, {"CONCURRENCY": str(CONNECTIONS)}),
    ):
        progress = await watch(sink.accepted, count)
        await check_outcomes(system, count)
        if sink.accepted() != count:
            raise BenchmarkError(f"{sink.accepted()} mails of {count} deliveries were sent.")
    return progress


async def check_outcomes(system: EmailSystem, count: int) -> None:
    """Make sure that each delivery was reported, once.

    Raises:
        BenchmarkError: Not so.
    """
    deadline = asyncio.get_running_loop().time() + _OUTCOME_SECONDS
    while (outcomes := await system.lane.outcomes()) < count:
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.1)
    if outcomes != count:
        raise BenchmarkError(f"{outcomes} outcomes of {count} deliveries were reported.")

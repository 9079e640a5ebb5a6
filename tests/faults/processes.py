"""What is done to processes of the system that is not in devstack: nobody else needs it."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable

from devstack.fault_proxy import FaultProxy
from devstack.service_process import ServiceProcess
from devstack.stack import Stack


async def restart(processes: Iterable[ServiceProcess], stack: Stack) -> None:
    """End processes gently, all at once, and start them as they were changed; watched again."""
    processes = list(processes)
    await asyncio.gather(*(process.stop() for process in processes))
    for process in processes:
        await process.start()
        process.watch()
    await stack.ready(process.name for process in processes)


def through(url: str, proxy: FaultProxy) -> str:
    """The same address by way of the proxy."""
    return re.sub(r"(?<=127\.0\.0\.1:)\d+", str(proxy.port), url)


def figure_in(metrics: str, name: str) -> float:
    """The sum of a figure over all its labels, in the text that `/metrics` answers."""
    lines = [line for line in metrics.splitlines() if re.match(rf"{name}[ {{]", line)]
    return sum(float(line.split()[-1]) for line in lines)


async def eventually(count: Callable[[], Awaitable[int]], expected: int, seconds: float) -> int:
    """Ask again until the answer is at least so much, or the time is over; the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await count()
        if answer >= expected or time.monotonic() > deadline:
            return answer
        await asyncio.sleep(0.5)

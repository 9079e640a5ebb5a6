"""Stops what a process started, step by step, and within one deadline for all steps together.

Whoever stops us waits for a fixed time (`stop_grace_period`) and kills then. A limit for each step
alone would add up to more; so the steps that matter come first, and the last ones may get no time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from servicekit.logs import get_logger

_log = get_logger(__name__)

ALL_STEPS_SECONDS: Final = 20.0
ONE_STEP_SECONDS: Final = 5.0

Step = Callable[[], Awaitable[None]]


@asynccontextmanager
async def bounded_shutdown(
    *, all_seconds: float = ALL_STEPS_SECONDS, one_seconds: float = ONE_STEP_SECONDS
) -> AsyncIterator[Callable[[Step], None]]:
    """Yield a function that takes steps, to be run at the end: the last first, whatever fails.

    Args:
        all_seconds: For all steps together.
        one_seconds: For each of them.
    """
    deadline: float | None = None

    async def run(step: Step) -> None:
        # A library below may swallow a cancellation (`asyncio.wait_for` of Python 3.11 does, when
        # what it waits for ends in that moment); the event loop cancels what is left once more at
        # its own end.
        nonlocal deadline
        now = asyncio.get_running_loop().time()
        deadline = now + all_seconds if deadline is None else deadline
        try:
            async with asyncio.timeout(max(0.0, min(one_seconds, deadline - now))):
                await step()
        except TimeoutError:
            _log.error("shutdown.step_unfinished", step=getattr(step, "__qualname__", repr(step)))

    async with AsyncExitStack() as steps:

        def add(step: Step) -> None:
            steps.push_async_callback(run, step)

        yield add

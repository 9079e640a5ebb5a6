"""Ends background tasks for certain."""

import asyncio
from typing import Any, Final

_AGAIN_SECONDS: Final = 0.5


async def end_task(task: "asyncio.Task[Any] | None") -> None:
    """Cancel a task and wait until it has ended, whatever it ended with.

    One cancellation is not always enough: it can be swallowed on its way up, as by Python 3.11's
    `asyncio.wait_for` when what it waits for completes at the same moment. Libraries do that while
    they connect; the task would then go on, and whoever waits for its end would wait for ever.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_SECONDS)

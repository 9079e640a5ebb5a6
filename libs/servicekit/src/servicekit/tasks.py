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


class TaskEndedError(RuntimeError):
    """A background task that should run for ever does not run."""


def check_running(task: "asyncio.Task[Any] | None") -> None:
    """Raise when a background task has not been started, or has ended; for readiness.

    Raises:
        TaskEndedError: Names the task and what it ended with.
    """
    if task is None:
        msg = "the task was not started"
        raise TaskEndedError(msg)
    if task.done():
        error = None if task.cancelled() else task.exception()
        msg = f"{task.get_name()} has ended: {error!r}" if error else f"{task.get_name()} has ended"
        raise TaskEndedError(msg) from error

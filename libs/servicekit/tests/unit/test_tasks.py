"""Background tasks end for certain, and are missed when they should not have ended."""

import asyncio

import pytest

from servicekit.tasks import TaskEndedError, check_running, end_task


async def test_a_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 2:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_task(task)
    assert task.done()


async def test_a_task_that_failed_or_never_was_needs_no_ending() -> None:
    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    await end_task(task)
    await end_task(None)
    assert isinstance(task.exception(), ValueError)


async def test_says_which_task_has_ended_and_why() -> None:
    async def fail() -> None:
        msg = "a defect"
        raise ValueError(msg)

    async def end() -> None:
        pass

    for work, told in (
        (fail, r"loop has ended: ValueError\('a defect'\)"),
        (end, "loop has ended"),
    ):
        task = asyncio.create_task(work(), name="loop")
        check_running(task)
        await asyncio.wait({task})
        with pytest.raises(TaskEndedError, match=told):
            check_running(task)
    cancelled = asyncio.create_task(asyncio.sleep(60), name="loop")
    await end_task(cancelled)
    for missing in (cancelled, None):
        with pytest.raises(TaskEndedError):
            check_running(missing)

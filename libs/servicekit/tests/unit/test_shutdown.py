import asyncio
import time

import pytest
from structlog.testing import capture_logs

from servicekit.shutdown import bounded_shutdown


class Steps:
    """Steps of a shutdown, and in which order they ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def first(self) -> None:
        self.ended.append("first")

    async def second(self) -> None:
        await asyncio.sleep(0)
        self.ended.append("second")

    async def failing(self) -> None:
        msg = "a defect"
        raise RuntimeError(msg)

    async def endless(self) -> None:
        await asyncio.Event().wait()


async def test_runs_the_last_step_first_and_all_of_them() -> None:
    steps = Steps()
    async with bounded_shutdown() as at_the_end:
        at_the_end(steps.first)
        at_the_end(steps.second)
        assert steps.ended == []
    assert steps.ended == ["second", "first"]


async def test_a_step_that_fails_keeps_no_other_from_running_and_is_not_hidden() -> None:
    steps = Steps()

    async def stop() -> None:
        async with bounded_shutdown() as at_the_end:
            at_the_end(steps.first)
            at_the_end(steps.failing)

    with pytest.raises(RuntimeError, match="a defect"):
        await stop()
    assert steps.ended == ["first"]


async def test_a_step_that_does_not_end_is_given_up_and_named() -> None:
    steps = Steps()
    with capture_logs() as lines:
        async with bounded_shutdown(one_seconds=0.01) as at_the_end:
            at_the_end(steps.second)
            at_the_end(steps.endless)
    assert steps.ended == ["second"]
    assert [(line["event"], line["step"]) for line in lines] == [
        ("shutdown.step_unfinished", "Steps.endless")
    ]


async def test_all_steps_together_end_by_one_deadline() -> None:
    steps = Steps()
    started = time.monotonic()
    with capture_logs() as lines:
        async with bounded_shutdown(all_seconds=0.3, one_seconds=0.2) as at_the_end:
            at_the_end(steps.first)  # needs no time, so it still gets its turn
            for _ in range(10):
                at_the_end(steps.endless)
    assert 0.25 < time.monotonic() - started < 0.6
    assert len(lines) == 10
    assert steps.ended == ["first"]

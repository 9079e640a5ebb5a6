import asyncio

import pytest

from servicekit.errors import UnavailableError
from servicekit.tasks import TaskEndedError
from user_service.consumers.suppression_keeper import LOOK_SECONDS, LOOKS, SuppressionKeeper


class Rounds:
    """Ends rounds as told, one after the other, and then nothing happens any more."""

    def __init__(self, *ends: Exception | None, needed_at: frozenset[int] = frozenset()) -> None:
        self.ends = list(ends)
        self.needed_at = needed_at
        self.looks = 0
        self.looks_before_round: list[int] = []
        self.slept: set[float] = set()
        self.done = asyncio.Event()

    async def __call__(self) -> None:
        self.looks_before_round.append(self.looks)
        self.looks = 0
        end = self.ends.pop(0)
        if end is not None:
            raise end

    async def is_needed(self) -> bool:
        self.looks += 1
        return self.looks in self.needed_at

    async def sleep(self, seconds: float) -> None:
        self.slept.add(seconds)
        if not self.ends:
            self.done.set()
            await asyncio.Event().wait()


async def run(rounds: Rounds) -> None:
    keeper = SuppressionKeeper(rounds, sleep=rounds.sleep)
    with pytest.raises(TaskEndedError):
        await keeper.check()
    keeper.start()
    await asyncio.wait_for(rounds.done.wait(), 5)
    await keeper.check()
    await keeper.stop()
    with pytest.raises(TaskEndedError):
        await keeper.check()
    assert rounds.slept == {LOOK_SECONDS}


async def test_a_round_that_failed_is_repeated_at_once() -> None:
    rounds = Rounds(UnavailableError("away"), RuntimeError("a defect"), None)
    await run(rounds)
    assert rounds.looks_before_round == [0, 1, 1]


async def test_a_round_comes_in_ten_minutes_or_when_it_is_needed() -> None:
    assert LOOK_SECONDS * LOOKS == 600
    quiet = Rounds(None, None, None)
    await run(quiet)
    assert quiet.looks_before_round == [0, LOOKS, LOOKS]
    needed = Rounds(None, None, needed_at=frozenset({3}))
    await run(needed)
    assert needed.looks_before_round == [0, 3]

import asyncio
import gc

import pytest

from servicekit.single_flight import SingleFlight


class Call:
    """A call that ends when the test lets it, with what the test says; counts its beginnings."""

    def __init__(self, result: object = "answer") -> None:
        self.result = result
        self.begun = 0
        self.ended = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> object:
        self.begun += 1
        await self.may_end.wait()
        self.ended += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def joined(
    flight: SingleFlight[str, object], call: Call, count: int
) -> list["asyncio.Task[object]"]:
    """So many who wait for the same."""
    waiting = [asyncio.create_task(flight.run("key", call)) for _ in range(count)]
    await asyncio.sleep(0)
    return waiting


async def test_what_many_ask_for_at_once_is_asked_once() -> None:
    flight, call = SingleFlight[str, object](), Call()
    waiting = await joined(flight, call, 100)
    assert flight.is_under_way("key")
    assert not flight.is_under_way("other")
    call.may_end.set()
    assert await asyncio.gather(*waiting) == ["answer"] * 100
    assert call.begun == 1


async def test_who_comes_after_the_answer_asks_anew() -> None:
    flight, call = SingleFlight[str, object](), Call()
    call.may_end.set()
    for _ in range(2):
        await flight.run("key", call)
        assert not flight.is_under_way("key")
    assert call.begun == 2


async def test_each_key_has_a_call_of_its_own() -> None:
    flight, one, two = SingleFlight[str, object](), Call("one"), Call("two")
    waiting = [asyncio.create_task(flight.run(call.result, call)) for call in (one, two)]  # type: ignore[arg-type]
    one.may_end.set()
    assert await waiting[0] == "one"
    two.may_end.set()
    assert await waiting[1] == "two"


async def test_an_error_reaches_all_who_wait_and_is_not_kept() -> None:
    flight, call = SingleFlight[str, object](), Call(LookupError("away"))
    waiting = await joined(flight, call, 3)
    call.may_end.set()
    assert {type(each) for each in await asyncio.gather(*waiting, return_exceptions=True)} == {
        LookupError
    }
    call.result = "answer"
    assert await flight.run("key", call) == "answer"


@pytest.mark.parametrize("leaving", [0, 1])
async def test_who_gives_up_waiting_takes_nobody_along(leaving: int) -> None:
    flight, call = SingleFlight[str, object](), Call()
    waiting = await joined(flight, call, 3)
    waiting[leaving].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting.pop(leaving)
    call.may_end.set()
    assert await asyncio.gather(*waiting) == ["answer"] * 2
    assert call.begun == 1


async def test_a_failure_that_nobody_waits_for_any_more_is_no_error_of_the_loop() -> None:
    told: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    flight, call = SingleFlight[str, object](), Call(LookupError("away"))
    [only] = await joined(flight, call, 1)
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    call.may_end.set()
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
    gc.collect()  # what was never looked at is told when it is collected
    loop.set_exception_handler(None)
    assert call.ended == 1
    assert told == []

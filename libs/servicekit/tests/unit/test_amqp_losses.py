"""A lost connection in disguise is unmasked; everything else passes unchanged."""

import asyncio

import pytest

from servicekit.amqp import losses_as_connection_errors


@pytest.mark.parametrize("disguise", [asyncio.CancelledError(), Exception()])
async def test_unmasks(disguise: BaseException) -> None:
    with pytest.raises(ConnectionError, match="lost"), losses_as_connection_errors():
        raise disguise


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), TimeoutError()])
async def test_lets_pass(error: BaseException) -> None:
    with pytest.raises(type(error)), losses_as_connection_errors():
        raise error


async def test_a_cancellation_that_we_asked_for_stays_one() -> None:
    task = asyncio.create_task(wait_for_ever())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_a_deadline_that_we_set_stays_one() -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wait_for_ever(), 0.01)


async def wait_for_ever() -> None:
    with losses_as_connection_errors():
        await asyncio.Event().wait()

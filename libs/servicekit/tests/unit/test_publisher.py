"""How the publisher keeps its connection, with a connection that does what the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from servicekit.amqp import MissingTopologyError
from servicekit.errors import UnavailableError
from servicekit.publisher import (
    NotPublishedError,
    OutgoingMessage,
    Publisher,
    PublishError,
    PublishTimeoutError,
)

DEADLINE = 0.1
MESSAGE = OutgoingMessage("orders", "key", b"{}", message_id="1")


class ScriptedLink:
    """Confirms, or says nothing while it is silent."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.published: list[OutgoingMessage] = []
        self.is_silent = False
        self.is_closed = False
        self.error: Exception | None = None
        self.fails_to_close: Exception | None = None

    async def publish(self, message: OutgoingMessage) -> None:
        if self.is_silent:
            await asyncio.Event().wait()
        self.published.append(message)

    async def publish_all(
        self, messages: Sequence[OutgoingMessage], seconds: float
    ) -> list[PublishError | None]:
        if self.is_silent:
            await asyncio.sleep(seconds)
            return [PublishTimeoutError("no confirm") for _ in messages]
        self.published.extend(messages)
        return [None] * len(messages)

    async def ready_count(self, queue: str) -> int:
        if self.is_silent:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return len(queue)

    async def close(self) -> None:
        self.is_closed = True
        if self.fails_to_close is not None:
            raise self.fails_to_close


class Broker:
    """Hands out links, or fails with the next of `errors`."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.links: list[ScriptedLink] = []

    async def open(self, url: str, name: str, exchanges: tuple[str, ...]) -> ScriptedLink:
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        self.links.append(ScriptedLink())
        return self.links[-1]


async def no_wait(_: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def running(broker: Broker) -> AsyncIterator[Publisher]:
    publisher = Publisher(
        "amqp://", name="test", exchanges=("orders",), publish_seconds=DEADLINE,
        open_connection=broker.open, sleep=no_wait,
    )  # fmt: skip
    publisher.start()
    try:
        yield publisher
    finally:
        await publisher.close()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(), TimeoutError(), RuntimeError("closed"), KeyError("defect")]
)
async def test_tries_until_it_is_connected(error: Exception) -> None:
    broker = Broker(error, error, error)
    async with running(broker) as publisher, asyncio.timeout(2):
        await publisher.connected()
        await publisher.publish(MESSAGE)
        await publisher.check()
    assert broker.links[0].published == [MESSAGE]


async def test_reports_missing_exchanges_and_goes_on_trying() -> None:
    broker = Broker(*[MissingTopologyError("orders is missing")] * 50)
    async with running(broker) as publisher:
        with pytest.raises(MissingTopologyError):
            await publisher.connected()
        with pytest.raises(MissingTopologyError):
            await publisher.check()
        with pytest.raises(NotPublishedError, match="orders is missing"):
            await publisher.publish(MESSAGE)
        await eventually(lambda: bool(broker.links))
        await asyncio.sleep(0)
        await publisher.connected()
        await publisher.publish(MESSAGE)


async def test_replaces_a_connection_that_is_lost() -> None:
    broker = Broker()
    async with running(broker) as publisher:
        await publisher.connected()
        broker.links[0].lost.set()
        await eventually(lambda: len(broker.links) == 2)
        await asyncio.sleep(0)
        await publisher.publish(MESSAGE)
    assert broker.links[0].is_closed
    assert broker.links[1].published == [MESSAGE]


async def test_connects_again_although_a_lost_connection_cannot_be_closed() -> None:
    broker = Broker()
    async with running(broker) as publisher:
        await publisher.connected()
        broker.links[0].fails_to_close = KeyError("defect")
        broker.links[0].lost.set()
        await eventually(lambda: len(broker.links) == 2)
        await asyncio.sleep(0)
        await publisher.publish(MESSAGE)


async def test_an_address_that_is_none_is_told_with_its_traceback_and_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waits = 0

    async def count(_: float) -> None:
        nonlocal waits
        waits += 1
        await asyncio.sleep(0)

    publisher = Publisher(
        "amqp://127.0.0.1:99999/", name="test", exchanges=("orders",), sleep=count
    )
    publisher.start()
    try:
        await eventually(lambda: waits >= 2)
        with pytest.raises(ConnectionError):
            await publisher.check()
    finally:
        await publisher.close()
    said = capsys.readouterr().out
    assert "amqp.publisher_failed" in said
    assert "Traceback" in said


async def test_one_late_confirm_does_not_cost_the_connection() -> None:
    broker = Broker()
    async with running(broker) as publisher:
        await publisher.connected()
        for _ in range(3):
            broker.links[0].is_silent = True
            with pytest.raises(PublishTimeoutError):
                await publisher.publish(MESSAGE)
            broker.links[0].is_silent = False
            await publisher.publish(MESSAGE)
    assert len(broker.links) == 1


async def test_a_burst_of_time_outs_counts_as_one() -> None:
    broker = Broker()
    async with running(broker) as publisher:
        await publisher.connected()
        broker.links[0].is_silent = True
        burst = [publisher.publish(MESSAGE) for _ in range(50)]
        results = await asyncio.gather(*burst, return_exceptions=True)
        assert {type(result) for result in results} == {PublishTimeoutError}
        assert not broker.links[0].lost.is_set()


async def test_replaces_a_connection_that_confirms_nothing_any_more() -> None:
    broker = Broker()
    async with running(broker) as publisher:
        await publisher.connected()
        broker.links[0].is_silent = True
        for _ in range(2):
            with pytest.raises(PublishTimeoutError):
                await publisher.publish(MESSAGE)
        await eventually(lambda: len(broker.links) == 2)
        await asyncio.sleep(0)
        await publisher.publish(MESSAGE)
    assert all(link.is_closed for link in broker.links)


async def test_is_down_before_it_starts_and_after_it_is_closed() -> None:
    broker = Broker()
    async with running(broker) as publisher:
        with pytest.raises(ConnectionError):
            await publisher.check()
        await publisher.connected()
    with pytest.raises(ConnectionError):
        await publisher.check()
    with pytest.raises(NotPublishedError):
        await publisher.publish(MESSAGE)
    assert len(broker.links) == 1


async def test_says_how_much_waits_or_that_it_cannot_be_said() -> None:
    broker = Broker()
    async with running(broker) as publisher:
        with pytest.raises(UnavailableError, match="not connected"):
            await publisher.ready_counts(["a"])
        await publisher.connected()
        assert await publisher.ready_counts(["a", "abc"]) == {"a": 1, "abc": 3}
        for error in (ConnectionError("gone"), MissingTopologyError("abc is missing")):
            broker.links[0].error = error
            with pytest.raises(UnavailableError, match=str(error)):
                await publisher.ready_counts(["abc"])
        broker.links[0].is_silent = True
        with pytest.raises(UnavailableError, match="did not say within"):
            await publisher.ready_counts(["a"])

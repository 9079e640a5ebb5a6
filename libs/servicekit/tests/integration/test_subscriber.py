"""The subscriber against a real broker: what it receives, and every way in which it may go deaf."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_files import USER
from servicekit.subscriber import Subscriber, acknowledge, give_back

PREFETCH = 5


class Inbox:
    """Keeps what it receives, and fails when told to."""

    def __init__(self) -> None:
        self.messages: list[AbstractIncomingMessage] = []
        self.failures = 0
        self.losses = 0

    def receive(self, message: AbstractIncomingMessage) -> None:
        if self.failures:
            self.failures -= 1
            msg = "cannot take it"
            raise KeyError(msg)
        self.messages.append(message)

    def note_loss(self) -> None:
        self.losses += 1

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.messages]


class Bench:
    """A queue of its own on a broker that these tests may break."""

    def __init__(self, broker: RabbitMQ, channel: AbstractChannel) -> None:
        self.broker = broker
        self.channel = channel
        self.queue = f"test.{uuid.uuid4().hex}"

    async def declare(self) -> None:
        await self.channel.declare_queue(self.queue, durable=True)

    async def send(self, *bodies: str) -> None:
        for body in bodies:
            await self.channel.default_exchange.publish(aio_pika.Message(body.encode()), self.queue)

    async def waiting(self) -> int:
        # By a connection of its own: a robust one would answer from what it declared earlier.
        async with await aio_pika.connect(self.broker.url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(self.queue, passive=True)
            return queue.declaration_result.message_count or 0


@pytest.fixture(scope="module")
async def own_broker(private_broker: RabbitMQ) -> RabbitMQ:
    # A test before these restarted it, and with the definitions the usual permissions came back.
    await private_broker.control("set_permissions", USER, ".*", ".*", ".*")
    return private_broker


@pytest.fixture
async def bench(own_broker: RabbitMQ) -> AsyncIterator[Bench]:
    async with await aio_pika.connect_robust(own_broker.url) as connection:
        bench = Bench(own_broker, await connection.channel())
        await bench.declare()
        yield bench
        await bench.channel.queue_delete(bench.queue)


@asynccontextmanager
async def running(
    bench: Bench, inbox: Inbox, *, url: str | None = None
) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(
        url or bench.broker.url,
        name="test-subscriber",
        prefetch={bench.queue: PREFETCH},
        receive=inbox.receive,
        lost=inbox.note_loss,
    )
    subscriber.start()
    try:
        yield subscriber
    finally:
        await subscriber.stop()


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def until_up(subscriber: Subscriber, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await subscriber.check()
            except ConnectionError:
                await asyncio.sleep(0.02)
            else:
                return


async def until_down(subscriber: Subscriber, seconds: float = 5) -> str:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await subscriber.check()
            except ConnectionError as error:
                return str(error)
            await asyncio.sleep(0.02)


async def test_receives_no_more_than_the_prefetch_until_it_acknowledges(bench: Bench) -> None:
    inbox = Inbox()
    await bench.send(*map(str, range(8)))
    async with running(bench, inbox):
        await until(lambda: len(inbox.messages) == PREFETCH)
        await asyncio.sleep(0.2)
        assert len(inbox.messages) == PREFETCH
        await acknowledge(inbox.messages[0])
        await until(lambda: len(inbox.messages) == PREFETCH + 1)
    assert inbox.bodies == [b"0", b"1", b"2", b"3", b"4", b"5"]


async def test_what_was_not_acknowledged_is_handed_out_again_after_a_stop(bench: Bench) -> None:
    first, second = Inbox(), Inbox()
    await bench.send("kept", "done")
    async with running(bench, first):
        await until(lambda: len(first.messages) == 2)
        await acknowledge(first.messages[1])
    async with running(bench, second):
        await until(lambda: len(second.messages) == 1)
        await asyncio.sleep(0.2)
    assert second.bodies == [b"kept"]
    assert second.messages[0].redelivered


async def test_what_is_given_back_comes_again(bench: Bench) -> None:
    inbox = Inbox()
    await bench.send("again")
    async with running(bench, inbox):
        await until(lambda: len(inbox.messages) == 1)
        await give_back(inbox.messages[0])
        await until(lambda: len(inbox.messages) == 2)
        assert inbox.messages[1].redelivered


async def test_paused_it_takes_nothing_new_and_still_acknowledges(bench: Bench) -> None:
    inbox = Inbox()
    await bench.send("before")
    async with running(bench, inbox) as subscriber:
        await until(lambda: len(inbox.messages) == 1)
        await subscriber.pause()
        await bench.send("after")
        await asyncio.sleep(0.3)
        await acknowledge(inbox.messages[0])
        assert inbox.bodies == [b"before"]
        await asyncio.sleep(0.2)
        assert await bench.waiting() == 1


async def test_paused_it_stays_so_when_the_connection_breaks(bench: Bench) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await subscriber.pause()
        await bench.broker.control("close_all_connections", "test")
        await until_down(subscriber)
        await until_sent(bench, "unwanted")
        await asyncio.sleep(3)
        assert inbox.messages == []


async def test_paused_before_it_has_connected_it_takes_nothing(bench: Bench) -> None:
    inbox = Inbox()
    await bench.send("unwanted")
    async with running(bench, inbox) as subscriber:
        await asyncio.sleep(0)
        await subscriber.pause()
        await asyncio.sleep(1)
        assert inbox.messages == []


async def until_sent(bench: Bench, body: str) -> None:
    """Send through a connection that may itself be coming back."""
    async with asyncio.timeout(20):
        while True:
            try:
                await bench.send(body)
            except (aio_pika.exceptions.AMQPError, RuntimeError, OSError):
                await asyncio.sleep(0.1)
            else:
                return


async def test_comes_back_after_the_broker_closed_its_connection(bench: Bench) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await bench.broker.control("close_all_connections", "test")
        await until_down(subscriber)
        assert inbox.losses == 1
        await until_up(subscriber)
        await until_sent(bench, "again")
        await until(lambda: b"again" in inbox.bodies)


async def test_comes_back_after_the_broker_closed_its_channel(bench: Bench) -> None:
    inbox = Inbox()
    await bench.send("twice")
    async with running(bench, inbox) as subscriber:
        await until(lambda: len(inbox.messages) == 1)
        tag = inbox.messages[0].delivery_tag
        assert tag is not None
        # An unknown delivery tag is answered with PRECONDITION_FAILED, which closes the channel.
        await inbox.messages[0].channel.basic_ack(tag + 1000)
        await until_down(subscriber)
        await until(lambda: len(inbox.messages) == 2)
        assert inbox.messages[1].redelivered


async def test_notices_that_its_queue_was_deleted_and_comes_back_with_it(bench: Bench) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await bench.channel.queue_delete(bench.queue)
        await until_down(subscriber)
        await asyncio.sleep(2.5)
        assert f"lacks queue {bench.queue}" in await until_down(subscriber)
        await bench.declare()
        await until_up(subscriber)
        await bench.send("again")
        await until(lambda: inbox.bodies == [b"again"])


async def test_names_the_missing_queue_and_the_remedy(bench: Bench) -> None:
    inbox = Inbox()
    subscriber = Subscriber(
        bench.broker.url, name="test", prefetch={"no.such.queue": 1}, receive=inbox.receive
    )
    subscriber.start()
    await asyncio.sleep(1)
    with pytest.raises(ConnectionError, match=r"queue no\.such\.queue.*import_definitions"):
        await subscriber.check()
    await subscriber.stop()


async def test_a_message_whose_receipt_failed_is_handed_out_again(bench: Bench) -> None:
    inbox = Inbox()
    inbox.failures = 1
    await bench.send("difficult")
    async with running(bench, inbox):
        await until(lambda: inbox.bodies == [b"difficult"])
        assert inbox.messages[0].redelivered


async def test_acknowledging_after_the_connection_broke_is_no_error(bench: Bench) -> None:
    inbox = Inbox()
    await bench.send("late")
    async with running(bench, inbox) as subscriber:
        await until(lambda: len(inbox.messages) == 1)
        await bench.broker.control("close_all_connections", "test")
        await until_down(subscriber)
        await acknowledge(inbox.messages[0])
        await give_back(inbox.messages[0])


async def test_stopping_leaves_no_task_behind(bench: Bench) -> None:
    before = asyncio.all_tasks()
    async with running(bench, Inbox()) as subscriber:
        await until_up(subscriber)
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() - before == set()


async def test_pausing_and_stopping_take_seconds_although_the_broker_is_frozen(
    bench: Bench,
) -> None:
    inbox = Inbox()
    before = asyncio.all_tasks()
    await bench.send("held")
    async with running(bench, inbox) as subscriber:
        await until(lambda: len(inbox.messages) == 1)
        bench.broker.freeze()
        try:
            started = time.monotonic()
            await subscriber.pause()
            assert time.monotonic() - started < 2.5
            await subscriber.stop()
            assert time.monotonic() - started < 5.5
            await asyncio.sleep(0.2)
            assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()
        finally:
            bench.broker.thaw()


@pytest.mark.slow
async def test_notices_a_broker_that_says_nothing_any_more(bench: Bench) -> None:
    inbox = Inbox()
    # The first of two heartbeats in an address counts: here, lost after three times two seconds.
    async with running(bench, inbox, url=f"{bench.broker.url}?heartbeat=1") as subscriber:
        await until_up(subscriber)
        bench.broker.freeze()
        try:
            await until_down(subscriber, seconds=15)
        finally:
            bench.broker.thaw()
        await until_up(subscriber, seconds=30)
        await until_sent(bench, "after")
        await until(lambda: b"after" in inbox.bodies)


async def test_a_suspended_subscriber_receives_nothing_and_resumed_it_does(bench: Bench) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await subscriber.suspend()
        await bench.send("a")
        await asyncio.sleep(0.3)
        assert inbox.bodies == []
        await subscriber.check()
        await subscriber.resume()
        await until(lambda: inbox.bodies == [b"a"])
        await subscriber.resume()  # a second time does no harm
        await acknowledge(inbox.messages[0])
        await bench.send("b")
        await until(lambda: inbox.bodies == [b"a", b"b"])


async def test_one_message_can_be_taken_while_suspended(bench: Bench) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await subscriber.suspend()
        assert await subscriber.take_one() is None
        await bench.send("a", "b")
        assert await subscriber.waiting() == 2
        message = await subscriber.take_one()
        assert message is not None
        assert message.body == b"a"
        await acknowledge(message)
        assert await subscriber.waiting() == 1
        assert inbox.bodies == []


async def test_a_connection_that_comes_back_while_suspended_stays_suspended(bench: Bench) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await subscriber.suspend()
        await bench.broker.control("close_all_connections", "test")
        await until_down(subscriber)
        with pytest.raises(ConnectionError):
            await subscriber.take_one()
        await until_up(subscriber)
        await until_sent(bench, "a")
        await asyncio.sleep(0.3)
        assert inbox.bodies == []
        await subscriber.resume()
        await until(lambda: inbox.bodies == [b"a"])


async def test_a_channel_that_ended_a_moment_ago_is_a_lost_connection(bench: Bench) -> None:
    async with running(bench, Inbox()) as subscriber:
        for ask in (subscriber.waiting, subscriber.take_one, subscriber.resume):
            await until_up(subscriber)
            await subscriber.suspend()
            await subscriber._consumers[0].channel.close()
            with pytest.raises(ConnectionError):
                await ask()
            await until_down(subscriber)


async def test_pausing_takes_seconds_although_the_broker_froze_while_it_resumed(
    bench: Bench,
) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await subscriber.suspend()
        bench.broker.freeze()
        resuming = asyncio.create_task(subscriber.resume())
        try:
            await asyncio.sleep(0.1)
            started = time.monotonic()
            async with asyncio.timeout(4):
                await subscriber.pause()
            assert time.monotonic() - started < 2.5
            with pytest.raises(ConnectionError):
                async with asyncio.timeout(6):
                    await resuming
        finally:
            bench.broker.thaw()


async def test_a_broker_that_froze_while_it_resumed_is_heard_again(bench: Bench) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await subscriber.suspend()
        await bench.send("waiting")
        bench.broker.freeze()
        try:
            with pytest.raises(ConnectionError):
                async with asyncio.timeout(7):
                    await subscriber.resume()
        finally:
            bench.broker.thaw()
        await until(lambda: b"waiting" in inbox.bodies, 20)


async def test_a_broker_that_froze_while_one_message_was_taken_is_heard_again(
    bench: Bench,
) -> None:
    inbox = Inbox()
    async with running(bench, inbox) as subscriber:
        await until_up(subscriber)
        await subscriber.suspend()
        await bench.send("waiting")
        bench.broker.freeze()
        try:
            with pytest.raises((ConnectionError, TimeoutError)):
                await subscriber.take_one()
        finally:
            bench.broker.thaw()
        await asyncio.sleep(1)
        await until_up(subscriber)
        await subscriber.resume()
        await until(lambda: b"waiting" in inbox.bodies, 20)

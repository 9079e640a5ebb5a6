"""The publisher while its broker is absent, frozen, restarted, or half dead."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import pytest

from devstack.rabbitmq import RabbitMQ
from servicekit.amqp import MissingTopologyError
from servicekit.publisher import (
    NotPublishedError,
    OutgoingMessage,
    Publisher,
    PublishError,
    PublishTimeoutError,
)

EXCHANGE = "notifications.direct"
DEADLINE = 0.5


def message() -> OutgoingMessage:
    return OutgoingMessage(EXCHANGE, "push.queue", b"{}", message_id=uuid.uuid4().hex)


@asynccontextmanager
async def running(url: str, *exchanges: str) -> AsyncIterator[Publisher]:
    publisher = Publisher(
        url, name="test-publisher", exchanges=exchanges or (EXCHANGE,), publish_seconds=DEADLINE
    )
    publisher.start()
    try:
        yield publisher
    finally:
        await publisher.close()


async def works_again(publisher: Publisher, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await publisher.publish(message())
            except PublishError:
                await asyncio.sleep(0.05)
            else:
                break
        await publisher.check()


class Gate:
    """A TCP relay in front of a broker that can refuse, swallow, and cut."""

    def __init__(self, port: int, broker_port: int, server: asyncio.Server) -> None:
        self.port = port
        self._broker_port = broker_port
        self._server = server
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.flows = asyncio.Event()
        self.flows.set()

    @classmethod
    @asynccontextmanager
    async def opened(cls, broker_port: int) -> AsyncIterator["Gate"]:
        gate: Gate

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await gate._serve(reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        gate = cls(server.sockets[0].getsockname()[1], broker_port, server)
        try:
            yield gate
        finally:
            server.close()
            gate.cut()
            await asyncio.gather(*gate._pipes, return_exceptions=True)

    def cut(self) -> None:
        """Break all connections at once."""
        for writer in self._writers:
            writer.transport.abort()
        for pipe in self._pipes:
            pipe.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._broker_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there[1]}
        for source, target in ((reader, there[1]), (there[0], writer)):
            pipe = asyncio.create_task(self._pipe(source, target))
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)

    async def _pipe(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while chunk := await source.read(65536):
                await self.flows.wait()
                target.write(chunk)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.transport.abort()


def through(gate: Gate, broker: RabbitMQ) -> str:
    return broker.url.replace(f":{broker.port}/", f":{gate.port}/")


@pytest.fixture
async def gate(private_broker: RabbitMQ) -> AsyncIterator[Gate]:
    async with Gate.opened(private_broker.port) as opened:
        yield opened


async def test_start_returns_at_once_without_a_broker_and_close_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with running("amqp://guest:guest@127.0.0.1:1/") as publisher:
        with pytest.raises(NotPublishedError, match="not connected"):
            await publisher.publish(message())
        with pytest.raises(ConnectionError):
            await publisher.check()
        await asyncio.sleep(0.1)
    assert asyncio.all_tasks() - before == set()


async def test_close_during_the_handshake_leaves_no_task(
    gate: Gate, private_broker: RabbitMQ
) -> None:
    gate.flows.clear()
    before = asyncio.all_tasks()
    async with running(through(gate, private_broker)):
        await asyncio.sleep(0.3)
    gate.cut()
    await asyncio.sleep(0.2)
    assert asyncio.all_tasks() - before == set()


async def test_close_returns_soon_although_the_broker_says_nothing(
    gate: Gate, private_broker: RabbitMQ
) -> None:
    before = asyncio.all_tasks()
    async with running(through(gate, private_broker)) as publisher:
        await publisher.connected()
        gate.flows.clear()
        started = time.monotonic()
    assert time.monotonic() - started < 4
    gate.cut()
    await asyncio.sleep(0.2)
    assert asyncio.all_tasks() - before == set()


async def test_close_is_final_although_publishes_time_out_meanwhile(
    gate: Gate, private_broker: RabbitMQ
) -> None:
    before = asyncio.all_tasks()
    async with running(through(gate, private_broker)) as publisher:
        await publisher.connected()
        gate.flows.clear()
        flying = [asyncio.create_task(publisher.publish(message())) for _ in range(20)]
        await asyncio.sleep(0)
    results = await asyncio.gather(*flying, return_exceptions=True)
    assert {isinstance(result, PublishError) for result in results} == {True}
    gate.cut()
    await asyncio.sleep(0.2)
    assert asyncio.all_tasks() - before == set()


async def test_connects_after_the_connection_broke_right_behind_the_handshake(
    gate: Gate, private_broker: RabbitMQ
) -> None:
    async with running(through(gate, private_broker)) as publisher:
        for _ in range(40):
            await asyncio.sleep(0.01)
            gate.cut()
        await works_again(publisher, 15)


async def test_a_confirm_that_gets_lost_is_unknown_and_not_unpublished(
    gate: Gate, private_broker: RabbitMQ
) -> None:
    async with running(through(gate, private_broker)) as publisher:
        await publisher.connected()
        gate.flows.clear()
        flying = asyncio.create_task(publisher.publish(message()))
        await asyncio.sleep(0.1)
        gate.cut()
        with pytest.raises(PublishTimeoutError, match="lost"):
            await flying
        gate.flows.set()
        await works_again(publisher, 15)


async def test_fails_fast_while_the_broker_is_gone(gate: Gate, private_broker: RabbitMQ) -> None:
    async with running(through(gate, private_broker)) as publisher:
        await publisher.connected()
        gate.flows.clear()
        gate.cut()
        await asyncio.sleep(0.2)
        started = time.monotonic()
        with pytest.raises(NotPublishedError):
            await publisher.publish(message())
        assert time.monotonic() - started < 0.2
        gate.flows.set()
        await works_again(publisher, 20)


async def test_a_frozen_broker_costs_the_deadline_and_no_more(private_broker: RabbitMQ) -> None:
    async with running(private_broker.url) as publisher:
        await publisher.connected()
        private_broker.freeze()
        try:
            started = time.monotonic()
            with pytest.raises(PublishTimeoutError):
                await publisher.publish(message())
            assert time.monotonic() - started < DEADLINE + 0.3
            burst = [publisher.publish(message()) for _ in range(50)]
            results = await asyncio.gather(*burst, return_exceptions=True)
            assert all(isinstance(result, PublishError) for result in results)
            assert time.monotonic() - started < 2 * DEADLINE + 1
            await asyncio.sleep(3)
        finally:
            private_broker.thaw()
        await works_again(publisher, 20)


async def test_works_again_after_a_long_freeze_without_any_publish(
    private_broker: RabbitMQ,
) -> None:
    async with running(private_broker.url) as publisher:
        await publisher.connected()
        private_broker.freeze()
        await asyncio.sleep(2)
        private_broker.thaw()
        await works_again(publisher, 5)


async def test_connects_by_itself_once_a_missing_exchange_is_there(
    private_broker: RabbitMQ,
) -> None:
    name = f"test.{uuid.uuid4().hex}"
    async with running(private_broker.url, name) as publisher:
        with pytest.raises(MissingTopologyError):
            await publisher.connected()
        async with await aio_pika.connect(private_broker.url) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.FANOUT)
            await eventually_up(publisher)
            await exchange.delete(if_unused=False)


async def eventually_up(publisher: Publisher, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await publisher.check()
            except (ConnectionError, MissingTopologyError):
                await asyncio.sleep(0.05)
            else:
                return


async def test_says_so_when_an_exchange_is_deleted_and_goes_on_when_it_is_back(
    private_broker: RabbitMQ,
) -> None:
    name = f"test.{uuid.uuid4().hex}"
    outgoing = OutgoingMessage(name, "", b"{}", message_id="gone", mandatory=False)
    async with await aio_pika.connect(private_broker.url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.FANOUT)
        async with running(private_broker.url, name, EXCHANGE) as publisher:
            await publisher.connected()
            await publisher.publish(outgoing)
            await exchange.delete(if_unused=False)
            with pytest.raises(PublishTimeoutError, match="NOT_FOUND"):
                await publisher.publish(outgoing)
            await asyncio.sleep(0.5)
            with pytest.raises(MissingTopologyError, match=name):
                await publisher.check()
            with pytest.raises(NotPublishedError, match=f"lacks exchange {name}"):
                await publisher.publish(outgoing)
            again = await channel.declare_exchange(name, aio_pika.ExchangeType.FANOUT)
            await works_again(publisher, 10)
            await again.delete(if_unused=False)


@pytest.mark.slow
async def test_connects_when_the_broker_comes_and_again_when_it_comes_back(
    private_broker: RabbitMQ,
) -> None:
    await private_broker.stop()
    async with running(private_broker.url) as publisher:
        await asyncio.sleep(0.5)
        with pytest.raises(NotPublishedError):
            await publisher.publish(message())
        await private_broker.start()
        async with asyncio.timeout(10):
            await publisher.connected()
        await publisher.publish(message())
        await private_broker.stop()
        with pytest.raises(PublishError):
            await publisher.publish(message())
        await private_broker.start()
        await works_again(publisher, 15)

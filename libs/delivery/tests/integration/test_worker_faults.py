"""A worker whose broker closes its connections and channels, freezes, and restarts."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from deliveries import make_delivery
from redis.asyncio import Redis
from worker_bench import LANES, WorkerBench

from contracts.names import RETRY_QUEUES
from contracts.outcome import DeliveryOutcome, OutcomeKind
from delivery.worker import Worker
from devstack.binaries import find_binaries
from devstack.ports import PortBook
from devstack.rabbitmq import RabbitMQ

pytestmark = pytest.mark.slow

_DEFINITIONS = Path(__file__).parents[4] / "rabbitmq-config" / "definitions.json"


@pytest.fixture(scope="module")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RabbitMQ]:
    """A RabbitMQ that only these tests use, so that they may break it."""
    home = tmp_path_factory.mktemp("private-broker")
    binaries = find_binaries()
    assert binaries.rabbitmq is not None
    assert binaries.epmd is not None
    ports = PortBook(home / "ports.json", random.SystemRandom())
    broker = RabbitMQ(binaries.rabbitmq, binaries.epmd, home / "rabbitmq", ports, _DEFINITIONS)
    await broker.start()
    try:
        yield broker
    finally:
        broker.thaw()
        await broker.stop()


@pytest.fixture
async def bench(broker: RabbitMQ, redis: "Redis") -> AsyncIterator[WorkerBench]:
    async with WorkerBench.opened(broker.url, redis) as opened:
        yield opened


async def until_down(worker: Worker, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await worker.subscriber.check()
            except ConnectionError:
                return
            await asyncio.sleep(0.02)


async def until_up(worker: Worker, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while True:
            try:
                await worker.subscriber.check()
            except ConnectionError:
                await asyncio.sleep(0.02)
            else:
                return


async def all_outcomes(bench: WorkerBench, count: int) -> list[DeliveryOutcome]:
    """Take outcomes until so many different ones have been seen."""
    outcomes: list[DeliveryOutcome] = []
    async with asyncio.timeout(60):
        while len({outcome.event_id for outcome in outcomes}) < count:
            outcomes += await bench.outcomes()
            await asyncio.sleep(0.05)
    return outcomes


async def test_sends_that_are_under_way_survive_the_loss_of_the_connection(
    bench: WorkerBench, broker: RabbitMQ
) -> None:
    bench.provider.gate.clear()
    messages = [make_delivery() for _ in range(100)]
    await bench.publish(*messages)
    async with bench.worker(concurrency=8) as worker:
        await bench.until(lambda: bench.provider.under_way == 8)
        await broker.control("close_all_connections", "test")
        await until_down(worker)
        assert bench.provider.under_way == 8
        bench.provider.gate.set()
        await until_up(worker)
        await bench.until(lambda: len(bench.provider.taken) == 100, 40)
        await bench.connect()
        outcomes = await all_outcomes(bench, 100)
    assert bench.provider.calls == 100
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SENT}
    await bench.until_left(0, *LANES)


async def test_goes_on_after_the_broker_closed_the_channel_of_a_lane(bench: WorkerBench) -> None:
    async with bench.worker() as worker:
        await until_up(worker)
        channel = await worker.subscriber._consumers[0].channel.get_underlay_channel()
        await channel.basic_ack(99_999)  # answered with PRECONDITION_FAILED
        await until_down(worker)
        await bench.publish(make_delivery(priority=9), make_delivery(priority=1))
        await bench.until(lambda: len(bench.provider.taken) == 2)


async def test_waiting_messages_do_not_pile_up_while_connections_come_and_go(
    bench: WorkerBench, broker: RabbitMQ
) -> None:
    bench.provider.gate.clear()
    await bench.publish(*(make_delivery(priority=9 if n % 2 else 1) for n in range(40)))
    async with bench.worker(concurrency=4) as worker:
        await bench.until(lambda: bench.provider.under_way == 4)
        for _ in range(3):
            await broker.control("close_all_connections", "test")
            await until_down(worker)
            assert len(worker._lanes) == 0
            await until_up(worker)
            await bench.until(lambda: len(worker._lanes) == 16)
            await asyncio.sleep(0.2)
            assert len(worker._lanes) == 16
        bench.provider.gate.set()
        await bench.until(lambda: len(bench.provider.taken) == 40, 40)
        await bench.connect()
        await all_outcomes(bench, 40)
    assert bench.provider.calls == 40


async def test_stops_in_time_although_the_broker_is_frozen_and_a_send_hangs(
    bench: WorkerBench, broker: RabbitMQ
) -> None:
    bench.provider.gate.clear()
    await bench.publish(make_delivery())
    async with bench.worker(drain_seconds=1) as worker:
        await bench.until(lambda: bench.provider.under_way == 1)
        broker.freeze()
        try:
            started = time.monotonic()
            await worker.stop()
            # Pausing 2 s, draining 1 s instead of 20 s, cancelling 1 s, closing 2.5 s.
            assert time.monotonic() - started < 7
        finally:
            broker.thaw()


async def test_a_report_that_waits_for_the_broker_is_made_when_it_is_back(
    bench: WorkerBench, broker: RabbitMQ
) -> None:
    messages = [make_delivery() for _ in range(30)]
    bench.provider.gate.clear()
    await bench.publish(*messages)
    async with bench.worker(concurrency=30) as worker:
        await bench.until(lambda: bench.provider.under_way == 30)
        await broker.stop()
        bench.provider.gate.set()
        await bench.until(lambda: len(bench.provider.taken) == 30)
        await asyncio.sleep(1)
        await broker.start()
        await until_up(worker, 40)
        await bench.connect()
        outcomes = await all_outcomes(bench, 30)
        await bench.until_left(0, *LANES, *RETRY_QUEUES)
    assert bench.provider.calls == 30
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SENT}

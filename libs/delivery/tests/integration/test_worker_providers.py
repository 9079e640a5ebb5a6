"""A worker on real servers while its provider, or one of its destinations, is in trouble."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from deliveries import make_delivery
from redis.asyncio import Redis
from worker_bench import EMAIL, LANES, WorkerBench

from contracts.names import FAILED_QUEUE, NOTIFICATIONS_EXCHANGE, RETRY_QUEUES
from contracts.outcome import OutcomeKind
from delivery.errors import PermanentDeliveryError, TransientDeliveryError
from delivery.watchdog import Watchdog
from servicekit.breaker import BreakerRules

DOWN = TransientDeliveryError("connect_failed", provider_failed=True)


@pytest.fixture
async def bench(amqp_url: str, redis: "Redis") -> AsyncIterator[WorkerBench]:
    await redis.delete(f"breaker:{EMAIL}:fake")
    async with WorkerBench.opened(amqp_url, redis) as opened:
        opened.breaker_rules = BreakerRules(failures=3, open_seconds=1.5, ramp_seconds=1)
        yield opened
    await redis.delete(f"breaker:{EMAIL}:fake")


async def test_while_the_provider_is_down_nothing_is_taken_but_a_probe_now_and_then(
    bench: WorkerBench,
) -> None:
    bench.provider.always = DOWN
    await bench.publish(*(make_delivery() for _ in range(100)))
    async with bench.worker(concurrency=4) as first, bench.worker(concurrency=4) as second:
        await bench.until(lambda: first._resting and second._resting)
        opened_with = bench.provider.calls
        assert opened_with <= 3 + 8
        await asyncio.sleep(5)
        assert 1 <= bench.provider.calls - opened_with <= 4
        assert len(first._lanes) == len(second._lanes) == 0
        bench.provider.always = None
        await bench.until(lambda: len(bench.provider.taken) == 100, 60)
        await asyncio.sleep(0.3)
    outcomes = await bench.outcomes()
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.DEFERRED, OutcomeKind.SENT}
    sent = [outcome for outcome in outcomes if outcome.kind is OutcomeKind.SENT]
    assert len(sent) == 100
    assert {outcome.attempt for outcome in sent} == {1}
    await bench.until_left(0, *LANES, *RETRY_QUEUES)


async def test_a_recovered_provider_gets_its_load_back_by_and_by(bench: WorkerBench) -> None:
    bench.breaker_rules = BreakerRules(failures=1, open_seconds=0.5, ramp_seconds=4)
    bench.provider.answers = [DOWN]
    bench.provider.meanwhile = lambda: asyncio.sleep(0.2)
    await bench.publish(*(make_delivery() for _ in range(500)))
    async with bench.worker(concurrency=16) as worker:
        await bench.until(lambda: worker._resting)
        await bench.until(lambda: not worker._resting)
        bench.provider.most_under_way = 0
        await asyncio.sleep(1)
        assert 1 <= bench.provider.most_under_way <= 6
        await bench.until(lambda: bench.provider.most_under_way == 16)


async def test_a_slow_destination_does_not_delay_the_others(bench: WorkerBench) -> None:
    gate = asyncio.Event()

    async def wait_for_slow_ones() -> None:
        recipient = bench.provider.latest
        if recipient.endswith("@slow.example"):
            await gate.wait()

    bench.provider.meanwhile = wait_for_slow_ones
    await bench.publish(*(make_delivery(recipient=f"{n}@quick.example") for n in range(20)))
    async with bench.worker(concurrency=8):
        await bench.until(lambda: len(bench.provider.taken) == 20)
        await bench.publish(
            *(make_delivery(recipient=f"{n}@slow.example") for n in range(100)),
            *(make_delivery(recipient=f"{n}@quick.example") for n in range(100)),
        )
        started = time.monotonic()
        await bench.until(
            lambda: sum(r.endswith("@quick.example") for r in bench.provider.recipients) == 120
        )
        assert time.monotonic() - started < 10
        gate.set()
        await bench.until(lambda: len(bench.provider.taken) == 220, 60)


async def test_a_burst_for_one_destination_does_not_take_all_places(bench: WorkerBench) -> None:
    gate, waiting = asyncio.Event(), 0

    async def wait_for_the_gate() -> None:
        nonlocal waiting
        if bench.provider.latest.endswith("@slow.example"):
            waiting += 1
            await gate.wait()

    bench.provider.meanwhile = wait_for_the_gate
    await bench.publish(make_delivery(recipient="1@quick.example"))
    async with bench.worker(concurrency=8):
        await bench.until(lambda: len(bench.provider.taken) == 1)
        await bench.publish(*(make_delivery(recipient=f"{n}@slow.example") for n in range(8)))
        time.sleep(0.3)  # noqa: ASYNC251 - so that the worker finds all of them at one moment
        await bench.until(lambda: waiting >= 6)
        await asyncio.sleep(0.5)
        assert waiting == 6  # three quarters of the places
        gate.set()
        await bench.until(lambda: len(bench.provider.taken) == 9)


async def test_a_worker_that_has_gone_deaf_leaves(bench: WorkerBench) -> None:
    left = asyncio.Event()
    async with bench.worker() as worker:
        await bench.until(lambda: worker.subscriber._consuming)
        watchdog = Watchdog(
            worker.subscriber,
            received=lambda: worker.received,
            could_receive=lambda: worker.could_receive,
            seconds=1,
            leave=left.set,
        )
        watchdog.start()
        await bench.publish(*(make_delivery() for _ in range(20)))
        await bench.until(lambda: len(bench.provider.taken) == 20)
        await asyncio.sleep(1.5)
        assert not left.is_set()  # nothing waits
        await worker.subscriber.suspend()  # as a consumer that the broker has forgotten
        await bench.publish(make_delivery())
        async with asyncio.timeout(5):
            await left.wait()
        await watchdog.stop()


async def test_with_nothing_to_probe_with_it_looks_now_and_then_and_no_more(
    bench: WorkerBench,
) -> None:
    bench.breaker_rules = BreakerRules(failures=1, open_seconds=0.5)
    bench.provider.answers = [DOWN]
    async with bench.worker(concurrency=4) as worker:
        await bench.publish(make_delivery(max_retries=0, not_before=None))
        await bench.until(lambda: worker._resting)
        for name in (*LANES, *RETRY_QUEUES):  # the delivery is on its way round a tier
            queue = await bench._channel.get_queue(name, ensure=False)
            await queue.purge()
        await asyncio.sleep(1)
        before = (await bench.redis.info("stats"))["total_commands_processed"]
        await asyncio.sleep(2)
        after = (await bench.redis.info("stats"))["total_commands_processed"]
        assert worker._resting
        assert after - before < 100


async def test_a_probe_that_cannot_be_reported_does_not_keep_a_worker_at_rest(
    bench: WorkerBench,
) -> None:
    bench.breaker_rules = BreakerRules(failures=1, open_seconds=0.5, ramp_seconds=0)
    bench.provider.answers = [DOWN]
    async with bench.worker(concurrency=4) as worker:
        await bench.publish(make_delivery())
        await bench.until(lambda: worker._resting)
        bench.provider.answers = [PermanentDeliveryError("content_refused", reply_code="554")]
        failed_queue = await bench._channel.get_queue(FAILED_QUEUE, ensure=False)
        await failed_queue.unbind(NOTIFICATIONS_EXCHANGE, FAILED_QUEUE)
        try:
            await bench.publish(make_delivery())
            await bench.until(lambda: not bench.provider.answers, 10)
            await bench.publish(make_delivery(recipient="later@example.com"))
            await bench.until(lambda: "later@example.com" in bench.provider.recipients, 10)
            await bench.until(lambda: not worker._resting, 10)
        finally:
            await failed_queue.bind(NOTIFICATIONS_EXCHANGE, FAILED_QUEUE)


async def test_a_watchdog_outlives_a_channel_that_ends_while_it_looks(bench: WorkerBench) -> None:
    async with bench.worker() as worker:
        await bench.until(lambda: worker.subscriber._consuming)
        watchdog = Watchdog(
            worker.subscriber, received=lambda: 0, could_receive=lambda: True, seconds=1
        )
        for consumer in worker.subscriber._consumers:
            await consumer.channel.close()
        assert not await watchdog._waits()

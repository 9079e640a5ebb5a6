"""A worker between a real RabbitMQ and a real Redis, when nothing breaks but messages and calls."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aio_pika.abc import AbstractIncomingMessage
from deliveries import make_delivery
from redis.asyncio import Redis
from worker_bench import EMAIL, LANES, WorkerBench, broken_bodies

from contracts.delivery_message import HEADER_DEAD_DETAIL, HEADER_DEAD_REASON, DeliveryMessage
from contracts.names import RETRY_QUEUES, normal_lane
from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind
from delivery.amqp_reports import AmqpReports
from delivery.errors import PermanentDeliveryError, TransientDeliveryError
from delivery.redis_claims import CLAIMS_BEFORE_POISON, claim_key


@pytest.fixture
async def bench(amqp_url: str, redis: "Redis") -> AsyncIterator[WorkerBench]:
    async with WorkerBench.opened(amqp_url, redis) as opened:
        yield opened


async def test_five_hundred_messages_published_three_times_each_are_sent_once(
    bench: WorkerBench,
) -> None:
    messages = [make_delivery() for _ in range(500)]
    await bench.publish(*messages, *messages, *messages)
    outcomes: list[DeliveryOutcome] = []
    async with bench.worker(), bench.worker():
        await bench.until(lambda: bench.provider.calls >= 500, 60)
        async with asyncio.timeout(30):
            while len(outcomes) < 1500:
                outcomes += await bench.outcomes()
                await asyncio.sleep(0.05)
    assert bench.provider.calls == 500
    counted = Counter(outcome.event_id for outcome in outcomes)
    assert len(counted) == 500
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SENT}
    await bench.until_left(0, *LANES, *RETRY_QUEUES)


async def test_unreadable_messages_are_dead_letters_and_harm_no_other(bench: WorkerBench) -> None:
    good = [make_delivery() for _ in range(200)]
    lane = normal_lane(EMAIL)
    bodies = broken_bodies(50)
    await bench.publish(*good[:100])
    await bench.publish_raw((lane, body) for body in bodies)
    await bench.publish(*good[100:])
    async with bench.worker() as worker:
        await bench.until(lambda: bench.provider.calls >= 200)
        dead: list[AbstractIncomingMessage] = []
        async with asyncio.timeout(10):
            while len(dead) < 50:
                dead += await bench.dead_letters()
        await worker.subscriber.check()
    assert bench.provider.calls == 200
    assert sorted(message.body for message in dead) == sorted(bodies)
    assert {message.headers[HEADER_DEAD_REASON] for message in dead} == {"unreadable"}
    for message in dead:
        detail = message.headers[HEADER_DEAD_DETAIL]
        assert isinstance(detail, str)
        assert 0 < len(detail) <= 500
    fields = next(dead for dead in dead if dead.body == b'{"v": 1}').headers[HEADER_DEAD_DETAIL]
    assert "delivery_id: Field required" in str(fields)
    await bench.until_left(0, *LANES)


async def test_a_message_of_another_channel_is_a_dead_letter(bench: WorkerBench) -> None:
    stray = make_delivery(notification_type=NotificationType.PUSH)
    await bench.publish_raw([(normal_lane(EMAIL), stray.model_dump_json().encode())])
    async with bench.worker():
        dead: list[AbstractIncomingMessage] = []
        async with asyncio.timeout(10):
            while not dead:
                dead = await bench.dead_letters()
    assert "push in a lane for email" in str(dead[0].headers[HEADER_DEAD_DETAIL])
    assert bench.provider.calls == 0


async def test_a_transient_failure_comes_back_after_two_seconds_as_the_next_attempt(
    bench: WorkerBench,
) -> None:
    message = make_delivery(priority=9, correlation_id="x" * 128)
    bench.provider.answers = [TransientDeliveryError("greylisted", reply_code="451")]
    times: list[float] = []
    bench.provider.meanwhile = lambda: times.append(time.monotonic())
    await bench.publish(message)
    async with bench.worker():
        await bench.until(lambda: len(bench.provider.taken) == 1)
        await asyncio.sleep(0.2)
    assert 1.5 <= times[1] - times[0] <= 15
    [sent] = bench.provider.taken
    assert sent.attempt == 2
    assert sent.message.retry_count == 1
    assert sent.message.model_copy(update={"retry_count": 0, "not_before": None}) == message
    attempted, delivered = await bench.outcomes()
    assert (attempted.kind, attempted.attempt) == (OutcomeKind.DELIVERY_ATTEMPTED, 1)
    assert (delivered.kind, delivered.attempt) == (OutcomeKind.SENT, 2)
    assert delivered.correlation_id == "x" * 128


async def test_a_refusal_is_a_dead_letter_with_its_reason_and_the_whole_message(
    bench: WorkerBench,
) -> None:
    message = make_delivery()
    bench.provider.always = PermanentDeliveryError("no_such_user", detail="550 unknown: ä")
    await bench.publish(message)
    async with bench.worker():
        outcomes: list[DeliveryOutcome] = []
        async with asyncio.timeout(10):
            while not outcomes:
                outcomes = await bench.outcomes()
        await asyncio.sleep(0.2)
    [dead] = await bench.dead_letters()
    assert DeliveryMessage.model_validate_json(dead.body) == message
    assert dead.headers[HEADER_DEAD_REASON] == "no_such_user"
    assert dead.headers[HEADER_DEAD_DETAIL] == "550 unknown: ä"
    assert dead.message_id == str(message.delivery_id)
    assert outcomes[0].kind is OutcomeKind.FAILED


async def test_the_priority_lane_goes_ahead_and_the_other_is_not_starved(
    bench: WorkerBench,
) -> None:
    bench.provider.gate.clear()
    await bench.publish(*(make_delivery(recipient="first") for _ in range(1)))
    async with bench.worker(concurrency=1) as worker:
        await bench.until(lambda: bench.provider.under_way == 1)
        await bench.publish(*(make_delivery(recipient="n", priority=4) for _ in range(3)))
        await bench.publish(*(make_delivery(recipient="p", priority=5) for _ in range(9)))
        await asyncio.sleep(0.5)
        assert len(worker._lanes) == 3  # two of each lane may be here; a normal one is sending
        bench.provider.gate.set()
        await bench.until(lambda: len(bench.provider.taken) == 13)
    order = bench.provider.recipients
    assert order[0] == "first"
    assert order[1] == "p"
    assert "n" in order[2:7]
    assert set(order[-2:]) <= {"n", "p"}


async def test_no_more_is_under_way_than_allowed_nor_more_here_than_fetched(
    bench: WorkerBench,
) -> None:
    bench.provider.gate.clear()
    await bench.publish(*(make_delivery(priority=9 if n % 2 else 1) for n in range(60)))
    async with bench.worker(concurrency=8) as worker:
        await bench.until(lambda: bench.provider.under_way == 8)
        await asyncio.sleep(0.3)
        assert bench.provider.under_way == 8
        assert len(worker._lanes) == 24
        await bench.until_left(60 - 32, *LANES)
        bench.provider.gate.set()
        await bench.until(lambda: len(bench.provider.taken) == 60)
    assert bench.provider.most_under_way == 8


async def test_a_graceful_stop_ends_what_is_under_way_and_gives_the_rest_back(
    bench: WorkerBench,
) -> None:
    bench.provider.gate.clear()
    messages = [make_delivery() for _ in range(40)]
    await bench.publish(*messages)
    async with bench.worker(concurrency=8) as worker:
        await bench.until(lambda: bench.provider.under_way == 8)
        stopping = asyncio.create_task(worker.stop())
        await asyncio.sleep(0.3)
        assert not stopping.done()
        bench.provider.gate.set()
        await stopping
        assert len(bench.provider.taken) == 8
    await bench.until_left(32, *LANES)
    async with bench.worker():
        await bench.until(lambda: len(bench.provider.taken) == 40)
        await asyncio.sleep(0.3)
    assert bench.provider.calls == 40
    sent = {delivery.message.delivery_id for delivery in bench.provider.taken}
    assert sent == {message.delivery_id for message in messages}
    await bench.until_left(0, *LANES, *RETRY_QUEUES)


async def test_nothing_new_is_begun_once_a_stop_has_begun(bench: WorkerBench) -> None:
    bench.provider.gate.clear()
    await bench.publish(*(make_delivery(priority=9 if n % 2 else 1) for n in range(16)))
    async with bench.worker(concurrency=8) as worker:
        await bench.until(lambda: bench.provider.under_way == 8)
        await bench.until(lambda: len(worker._lanes) == 8)  # all that was left
        stopping = asyncio.create_task(worker.stop())
        await asyncio.sleep(0)  # it now waits for the broker to end the consumers
        bench.provider.gate.set()
        await stopping
    assert bench.provider.calls == 8
    await bench.until_left(8, *LANES)


async def test_a_stop_does_not_wait_for_ever_for_a_provider_that_hangs(
    bench: WorkerBench,
) -> None:
    bench.provider.gate.clear()
    await bench.publish(make_delivery())
    async with bench.worker(drain_seconds=0.5) as worker:
        await bench.until(lambda: bench.provider.under_way == 1)
        started = time.monotonic()
        await worker.stop()
        assert time.monotonic() - started < 4
    await bench.until_left(1, *LANES)
    assert await bench.outcomes() == []


async def test_what_is_repeated_is_said_to_be_so(bench: WorkerBench) -> None:
    """Without claims a first copy goes on and a repeated one waits: shown by who is sent."""
    first, repeated = make_delivery(recipient="first"), make_delivery(recipient="repeated")
    away = bench.redis.__class__.from_url("redis://127.0.0.1:1/0")
    bench.redis = away
    await bench.publish(first)
    await bench.publish_repeated(repeated)
    async with bench.worker():
        await bench.until(lambda: len(bench.provider.taken) == 1)
        await bench.until_left(1, "retry.4s")
    assert bench.provider.recipients == ["first"]
    await away.aclose()


async def test_a_claim_that_cannot_be_read_costs_a_hop_and_blocks_nobody(
    bench: WorkerBench,
) -> None:
    cursed, good = make_delivery(), make_delivery()
    await bench.redis.set(claim_key(cursed.delivery_id), "0 0 token {")
    await bench.publish(cursed, good)
    async with bench.worker(concurrency=1):
        await bench.until(lambda: bench.provider.recipients == [good.recipient])
        await bench.until_left(1, "retry.16s")
    assert bench.provider.calls == 1


class FailingReports(AmqpReports):
    """Cannot publish anything, by a defect, twice."""

    failures = 2  # the outcome, and the hop that the crash leads to

    async def outcome(self, outcome: DeliveryOutcome) -> None:
        self._fail()
        await super().outcome(outcome)

    async def hop(self, message: DeliveryMessage, tier: int) -> None:
        self._fail()
        await super().hop(message, tier)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            msg = "defect"
            raise ZeroDivisionError(msg)


async def test_a_message_of_which_nothing_can_be_reported_is_given_back_and_comes_again(
    bench: WorkerBench,
) -> None:
    bench.reports_class = FailingReports
    await bench.publish(make_delivery())
    async with bench.worker(concurrency=1):
        outcomes: list[DeliveryOutcome] = []
        async with asyncio.timeout(10):
            while not outcomes:
                outcomes = await bench.outcomes()
        await asyncio.sleep(0.2)
    assert bench.provider.calls == 1
    assert outcomes[0].kind is OutcomeKind.SENT


async def test_a_provider_with_a_defect_costs_a_hop_and_then_a_dead_letter(
    bench: WorkerBench,
) -> None:
    message = make_delivery(delivery_id=uuid4())
    bench.provider.answers = [ZeroDivisionError("defect")] * CLAIMS_BEFORE_POISON
    async with bench.worker(lease_seconds=0.2):
        for crashes in range(1, CLAIMS_BEFORE_POISON + 1):
            await bench.publish_repeated(message)  # as it comes back from its tier
            await bench.until_left(crashes, "retry.16s")
            assert bench.provider.calls == crashes
            await asyncio.sleep(0.3)  # the lease runs out
        assert await bench.outcomes() == []
        await bench.publish_repeated(message)
        outcomes: list[DeliveryOutcome] = []
        async with asyncio.timeout(10):
            while not outcomes:
                outcomes = await bench.outcomes()
        await asyncio.sleep(0.2)
    assert bench.provider.calls == CLAIMS_BEFORE_POISON
    assert (outcomes[0].kind, outcomes[0].reason) == (OutcomeKind.FAILED, "poison")
    [dead] = await bench.dead_letters()
    assert dead.headers[HEADER_DEAD_REASON] == "poison"

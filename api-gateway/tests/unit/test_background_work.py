"""The loops of gateway and relay: what goes wrong in one round must not end them silently."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import uuid4

import pytest
from fake_expired_keys import FakeExpiredKeys
from fake_outbox import FakeOutbox
from fake_ports import AlwaysAtOnce, FakeDepths, FakeMessagePublisher
from structlog.testing import capture_logs

from api_gateway.adapters.backlog_gauge import BacklogGauge
from api_gateway.adapters.lane_watch import LaneWatch
from api_gateway.adapters.outbox_queue import BATCH, CAPACITY, PUBLISHED_WITHIN_SECONDS, OutboxQueue
from api_gateway.consumers.key_sweeper import KeySweeper
from api_gateway.consumers.outbox_poller import OutboxPoller
from api_gateway.usecases.delete_expired_keys import DeleteExpiredKeys
from api_gateway.usecases.ports import OutboxMessage
from api_gateway.usecases.relay_outbox import RelayOutbox
from servicekit.database import Database
from servicekit.errors import UnavailableError
from servicekit.metrics import Metrics
from servicekit.tasks import TaskEndedError


def rows(first: int, count: int) -> list[OutboxMessage]:
    return [
        OutboxMessage(n, "email.queue", b"{}", uuid4(), f"c{n}")
        for n in range(first, first + count)
    ]


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


async def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("it never came about")


ERRORS = [UnavailableError("away"), RuntimeError("a defect")]


async def test_the_queue_publishes_what_is_offered_and_forgets_it() -> None:
    waiting = rows(1, 5)
    outbox, publisher = FakeOutbox(waiting), FakeMessagePublisher()
    queue = OutboxQueue(outbox, publisher, AlwaysAtOnce())
    queue.start()
    queue.offer(waiting)
    await queue.stop()
    assert [message.id for message in publisher.published] == [1, 2, 3, 4, 5]
    assert outbox.free == {}


async def test_the_queue_leaves_to_the_relay_what_the_broker_refused() -> None:
    waiting = rows(1, 3)
    outbox, publisher = FakeOutbox(waiting), FakeMessagePublisher()
    publisher.refused = {2}
    queue = OutboxQueue(outbox, publisher, AlwaysAtOnce())
    queue.start()
    queue.offer(waiting)
    await queue.stop()
    assert set(outbox.free) == {2}


async def test_the_queue_takes_no_more_than_it_has_room_for_and_never_waits() -> None:
    publisher = FakeMessagePublisher()
    queue = OutboxQueue(FakeOutbox(), publisher, AlwaysAtOnce())
    queue.offer(rows(1, CAPACITY + 10))
    queue.start()
    await queue.stop()
    assert len(publisher.published) == CAPACITY


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("where", ["outbox", "publisher"])
async def test_the_queue_says_what_went_wrong_and_goes_on(error: Exception, where: str) -> None:
    outbox, publisher = FakeOutbox(), FakeMessagePublisher()
    broken = outbox if where == "outbox" else publisher
    broken.error = error
    queue = OutboxQueue(outbox, publisher, AlwaysAtOnce())
    queue.start()
    with capture_logs() as lines:
        queue.offer(rows(1, 1))
        await eventually(lambda: bool(lines))
    broken.error = None
    queue.offer(rows(2, 1))
    await queue.stop()
    assert publisher.published[-1].id == 2
    assert lines[0]["event"].startswith("outbox.")
    assert lines[0]["log_level"] in {"warning", "error"}


async def test_the_queue_stops_though_nothing_can_be_published() -> None:
    class Frozen:
        async def publish(self, _: object) -> set[int]:
            await asyncio.Event().wait()
            return set()

    queue = OutboxQueue(FakeOutbox(), Frozen(), AlwaysAtOnce(), drain_seconds=0.01)
    queue.start()
    queue.offer(rows(1, 1))
    await asyncio.wait_for(queue.stop(), 2)


@pytest.mark.parametrize("error", ERRORS)
async def test_the_poller_says_what_went_wrong_and_goes_on(error: Exception) -> None:
    outbox, publisher = FakeOutbox(rows(1, 3)), FakeMessagePublisher()
    outbox.error = error
    metrics = Metrics()
    poller = OutboxPoller(RelayOutbox(outbox, publisher, FakeDepths()), metrics, sleep=no_pause)
    with capture_logs() as lines:
        poller.start()
        await eventually(lambda: len(lines) > 1)
        outbox.error = None
        await eventually(lambda: not outbox.free)
        await poller.stop()
    assert {line["event"] for line in lines} == {"outbox.not_relayed"}
    assert metrics.registry.get_sample_value("outbox_relayed_total") == 3


async def test_the_poller_rests_only_when_nothing_is_left() -> None:
    outbox, publisher = FakeOutbox(rows(1, 500)), FakeMessagePublisher()
    pauses: list[tuple[float, int]] = []

    async def pause(seconds: float) -> None:
        pauses.append((seconds, len(outbox.free)))
        await asyncio.sleep(0)

    relay = RelayOutbox(outbox, publisher, FakeDepths())
    poller = OutboxPoller(relay, Metrics(), sleep=pause)
    poller.start()
    await eventually(lambda: any(seconds > 0.1 for seconds, _ in pauses))
    await poller.stop()
    [*short, (_, left)] = pauses
    assert {seconds for seconds, _ in short} == {0.02}
    assert left == 0
    assert len(publisher.published) == 500


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_the_queue_leaves_to_the_relay_what_may_be_leased_by_it_before_it_is_published() -> (
    None
):
    clock, publisher = Clock(), FakeMessagePublisher()
    queue = OutboxQueue(FakeOutbox(), publisher, AlwaysAtOnce(), monotonic=clock)
    queue.offer(rows(1, 300))
    clock.seconds += PUBLISHED_WITHIN_SECONDS
    queue.offer(rows(301, 300))
    clock.seconds += 0.1
    with capture_logs() as lines:
        queue.start()
        await queue.stop()
    assert [message.id for message in publisher.published] == list(range(301, 601))
    assert [(line["event"], line["count"]) for line in lines] == [("outbox.left_to_relay", 300)]


async def test_a_stall_of_the_broker_publishes_no_row_whose_lease_has_ended() -> None:
    clock = Clock()

    class Stalled(FakeMessagePublisher):
        async def publish(self, messages: Sequence[OutboxMessage]) -> set[int]:
            self.published.extend(messages)
            clock.seconds += 3  # its deadline
            return set()

    publisher = Stalled()
    queue = OutboxQueue(FakeOutbox(), publisher, AlwaysAtOnce(), monotonic=clock)
    queue.offer(rows(1, CAPACITY))
    queue.start()
    await queue.stop()
    assert len(publisher.published) == BATCH


class Ending:
    """Ends whoever asks it, past everything that they catch."""

    async def publish(self, messages: Sequence[OutboxMessage]) -> set[int]:
        raise asyncio.CancelledError

    async def lease(self, room: Mapping[str, int]) -> list[OutboxMessage]:
        raise asyncio.CancelledError

    async def published(self, ids: Sequence[int]) -> None:
        raise asyncio.CancelledError

    async def give_back(self, ids: Sequence[int]) -> None:
        raise asyncio.CancelledError

    async def delete(self, limit: int) -> int:
        raise asyncio.CancelledError


async def test_readiness_names_a_queue_that_has_ended() -> None:
    queue = OutboxQueue(FakeOutbox(), Ending(), AlwaysAtOnce())
    with pytest.raises(TaskEndedError):
        await queue.check()
    queue.start()
    await queue.check()
    queue.offer(rows(1, 1))
    await ended(queue.check, "outbox-queue")
    await queue.stop()


async def test_readiness_names_a_poller_that_has_ended() -> None:
    poller = OutboxPoller(RelayOutbox(Ending(), FakeMessagePublisher(), FakeDepths()), Metrics())
    poller.start()
    await poller.check()
    await ended(poller.check, "outbox-poller")


async def test_readiness_names_a_sweeper_that_has_ended() -> None:
    sweeper = KeySweeper(DeleteExpiredKeys(Ending()))
    sweeper.start()
    await sweeper.check()
    await ended(sweeper.check, "key-sweeper")


async def broker_is_there() -> None:
    """Raises nothing."""


async def test_readiness_names_a_gauge_that_has_ended() -> None:
    database = Database("postgresql+asyncpg://u:p@127.0.0.1:1/none", name="tests")
    gauge = BacklogGauge(database, broker_is_there, most_of_a_caller=1)
    with pytest.raises(TaskEndedError):
        await gauge.check_measuring()
    gauge.start()
    await gauge.check_measuring()
    await gauge.stop()
    await ended(gauge.check_measuring, "backlog-gauge")
    await database.close()


async def test_readiness_names_a_watch_that_has_ended() -> None:
    database = Database("postgresql+asyncpg://u:p@127.0.0.1:1/none", name="tests")
    watch = LaneWatch(database, FakeDepths(), window=100)
    with pytest.raises(TaskEndedError):
        await watch.check()
    watch.start()
    await watch.check()
    await watch.stop()
    await ended(watch.check, "lane-watch")
    await database.close()


@pytest.mark.parametrize("error", ERRORS)
async def test_the_watch_says_what_went_wrong_and_goes_on(error: Exception) -> None:
    database = Database("postgresql+asyncpg://u:p@127.0.0.1:1/none", name="tests")
    depths, looks = FakeDepths(), 0
    depths.error = error

    async def pause(_: float) -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)

    watch = LaneWatch(database, depths, window=1, sleep=pause)
    assert watch.goes_at_once("a", "email.queue")
    with capture_logs() as lines:
        watch.start()
        await eventually(lambda: looks > 3)
    assert {line["event"] for line in lines} == {"lanes.not_seen"}
    assert not watch.goes_at_once("a", "email.queue")
    await watch.check()
    await watch.stop()
    await database.close()


async def ended(check: Callable[[], Awaitable[None]], name: str) -> None:
    for _ in range(100):
        await asyncio.sleep(0)
    with pytest.raises(TaskEndedError, match=name):
        await check()


@pytest.mark.parametrize("error", ERRORS)
async def test_the_sweeper_says_what_went_wrong_and_goes_on(error: Exception) -> None:
    keys = FakeExpiredKeys(3)
    keys.error = error
    sweeper = KeySweeper(DeleteExpiredKeys(keys), sleep=no_pause)
    with capture_logs() as lines:
        sweeper.start()
        await eventually(lambda: len(lines) > 1)
        keys.error = None
        await eventually(lambda: not keys.count)
        await sweeper.stop()
    assert [line["event"] for line in lines][:2] == ["keys.not_deleted"] * 2
    assert lines[-1]["event"] == "keys.deleted"

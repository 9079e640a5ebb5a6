"""The relay's loops: what each does in a round, and that no round is its last."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from samples import NOW
from structlog.testing import capture_logs

from api_gateway.consumers.dead_letter_jobs import DeadLetterJobRunner
from api_gateway.consumers.dead_letter_watch import DeadLetterWatch
from api_gateway.consumers.reconciler import Reconciler
from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.domain.dead_letter import ClosingAction, DeadLetterJob, JobState, Selection
from api_gateway.usecases.reconcile_deliveries import ReconcileDeliveries
from api_gateway.usecases.relay_ports import DeadLetterBacklog
from servicekit.errors import UnavailableError
from servicekit.metrics import Metrics
from servicekit.tasks import TaskEndedError

ERRORS = [UnavailableError("away"), RuntimeError("a defect")]


class Loop(Rounds):
    """Does what it is told in each round, then nothing."""

    def __init__(self, *rounds: bool | BaseException, sleep: Sleep) -> None:
        super().__init__("loop", failure="loop.failed", seconds=7.0, sleep=sleep)
        self.todo = list(rounds)
        self.done = 0

    async def _work(self) -> bool:
        self.done += 1
        next_round = self.todo.pop(0) if self.todo else False
        if isinstance(next_round, BaseException):
            raise next_round
        return next_round


class Pauses:
    """Notes each pause and how many rounds came before it; the first of them take no time."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.seconds: list[float] = []
        self.enough = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) >= self.free:
            self.enough.set()
            await asyncio.Event().wait()


@pytest.mark.parametrize("error", ERRORS)
async def test_a_round_that_fails_is_told_of_and_followed_by_another(error: Exception) -> None:
    pauses = Pauses(3)
    loop = Loop(error, error, False, sleep=pauses)
    with capture_logs() as lines:
        loop.start()
        await asyncio.wait_for(pauses.enough.wait(), 5)
        await loop.check()
        await loop.stop()
    assert (loop.done, pauses.seconds) == (3, [7.0, 7.0, 7.0])
    assert [line["event"] for line in lines] == ["loop.failed", "loop.failed"]


async def test_there_is_no_pause_while_there_is_more_to_do() -> None:
    pauses = Pauses(1)
    loop = Loop(True, True, False, sleep=pauses)
    loop.start()
    await asyncio.wait_for(pauses.enough.wait(), 5)
    await loop.stop()
    assert (loop.done, len(pauses.seconds)) == (3, 1)


async def test_readiness_tells_a_loop_that_was_not_started_or_has_ended() -> None:
    loop = Loop(asyncio.CancelledError(), sleep=Pauses(1))
    with pytest.raises(TaskEndedError):
        await loop.check()
    loop.start()
    await loop.check()
    for _ in range(10):
        await asyncio.sleep(0)
    with pytest.raises(TaskEndedError, match="loop"):
        await loop.check()


async def one_round(make: Callable[[Sleep], Rounds], rounds: int = 1) -> list[float]:
    pauses = Pauses(rounds)
    loop = make(pauses)
    loop.start()
    await asyncio.wait_for(pauses.enough.wait(), 5)
    await loop.stop()
    return pauses.seconds


class Silent:
    def __init__(self, count: int) -> None:
        self.count = count

    async def publish_again(self, limit: int) -> int:
        published, self.count = min(limit, self.count), 0
        return published


@pytest.mark.parametrize(
    ("silence", "pause"), [(timedelta(hours=1), 60.0), (timedelta(seconds=8), 2.0)]
)
async def test_the_reconciler_counts_what_it_published_and_goes_round_often_enough(
    silence: timedelta, pause: float
) -> None:
    metrics = Metrics()

    def reconciler(sleep: Sleep) -> Rounds:
        reconcile = ReconcileDeliveries(Silent(3))
        return Reconciler(reconcile, metrics, reconcile_after=silence, sleep=sleep)

    with capture_logs() as lines:
        assert await one_round(reconciler, rounds=2) == [pause, pause]
    assert metrics.registry.get_sample_value("deliveries_reconciled_total") == 3
    assert [(line["event"], line["count"]) for line in lines] == [("deliveries.reconciled", 3)]


async def test_the_watch_shows_how_many_dead_letters_wait_and_since_when() -> None:
    class Gauge:
        async def measure(self) -> DeadLetterBacklog:
            return DeadLetterBacklog(count=4, oldest_seconds=90.5)

    metrics = Metrics()
    await one_round(lambda sleep: DeadLetterWatch(Gauge(), metrics, sleep=sleep))
    assert metrics.registry.get_sample_value("dead_letters_open") == 4
    assert metrics.registry.get_sample_value("dead_letters_oldest_seconds") == 90.5


async def test_the_job_runner_takes_step_after_step_until_there_is_nothing_to_do() -> None:
    steps = [_job(done=100), _job(done=150, state=JobState.COMPLETED), None]

    class Work:
        async def __call__(self, limit: int = 100) -> DeadLetterJob | None:
            return steps.pop(0)

    metrics = Metrics()
    with capture_logs() as lines:
        pauses = await one_round(lambda sleep: DeadLetterJobRunner(Work(), metrics, sleep=sleep))
    assert (steps, pauses) == ([], [1.0])
    assert metrics.registry.get_sample_value("dead_letter_job_steps_total") == 2
    assert [(line["done"], line["state"]) for line in lines] == [
        (100, "running"),
        (150, "completed"),
    ]


def _job(done: int, state: JobState = JobState.RUNNING) -> DeadLetterJob:
    return DeadLetterJob(
        id=UUID(int=1),
        action=ClosingAction.REPLAY,
        selection=Selection(),
        until=NOW,
        requested_by="admin",
        created_at=NOW,
        total=150,
        done=done,
        state=state,
    )

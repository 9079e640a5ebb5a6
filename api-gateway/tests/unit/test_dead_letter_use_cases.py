"""What administrators can ask for, on letters in memory."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from fake_dead_letters import FakeDeadLetterJobs, FakeDeadLetters
from letter_samples import letter
from samples import NOW, message_of, notification
from uuid_utils.compat import uuid7

from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetter,
    JobState,
    LetterFilter,
    LetterState,
    Selection,
)
from api_gateway.usecases.discard_dead_letter import DiscardDeadLetter
from api_gateway.usecases.list_dead_letters import ListDeadLetters
from api_gateway.usecases.read_dead_letter import ReadDeadLetter
from api_gateway.usecases.read_dead_letter_job import ReadDeadLetterJob
from api_gateway.usecases.replay_dead_letter import ReplayDeadLetter
from api_gateway.usecases.start_dead_letter_job import StartDeadLetterJob
from api_gateway.usecases.work_on_dead_letter_job import WorkOnDeadLetterJob
from servicekit.errors import ConflictError, NotFoundError

REPLAY = ClosingAction.REPLAY


class Letters(FakeDeadLetters):
    """Letters of which each can be replayed."""

    def add(self, **changes: object) -> DeadLetter:
        one, sent = letter(**changes), notification()
        message = message_of(sent, sent.deliveries[0])
        self.letters[one.id] = one
        self.bodies[one.id] = message.model_dump_json().encode()
        return one


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def jobs(letters: Letters) -> FakeDeadLetterJobs:
    return FakeDeadLetterJobs(letters)


async def test_a_list_is_what_was_asked_for(letters: Letters) -> None:
    one, _ = letters.add(reason="poison"), letters.add()
    rows = await ListDeadLetters(letters)(
        LetterFilter(reason="poison"), LetterState.OPEN, offset=0, limit=10
    )
    assert rows == ([one], 1)


async def test_a_replay_is_sent_once_and_a_repeat_answers_the_same(letters: Letters) -> None:
    one = letters.add()
    replay = ReplayDeadLetter(letters, lambda: NOW)
    first = await replay(str(one.id), closed_by="user:a")
    assert (first.state, first.closed_at, first.closed_by) == (LetterState.REPLAYED, NOW, "user:a")
    assert await replay(str(one.id), closed_by="user:b") == first
    assert len(letters.sent) == 1


async def test_a_refusal_names_the_letter_and_says_what_to_do(letters: Letters) -> None:
    one = letters.add()
    await DiscardDeadLetter(letters, lambda: NOW)(str(one.id), closed_by="user:a")
    with pytest.raises(ConflictError) as caught:
        await ReplayDeadLetter(letters, lambda: NOW)(str(one.id), closed_by="user:a")
    assert f"The dead letter {one.id} was not replayed. It was discarded" in caught.value.message
    assert "send a new notification" in caught.value.message
    assert letters.sent == []


@pytest.mark.parametrize("public_id", ["x", "", str(uuid4())])
async def test_what_no_letter_or_job_has_is_not_found(
    letters: Letters, jobs: FakeDeadLetterJobs, public_id: str
) -> None:
    asked: list[Callable[[], Awaitable[object]]] = [
        lambda: ReadDeadLetter(letters)(public_id),
        lambda: ReplayDeadLetter(letters, lambda: NOW)(public_id, closed_by="user:a"),
        lambda: DiscardDeadLetter(letters, lambda: NOW)(public_id, closed_by="user:a"),
        lambda: ReadDeadLetterJob(jobs).one(public_id),
    ]
    for ask in asked:
        with pytest.raises(NotFoundError, match=f"There is no dead letter.* {public_id}"):
            await ask()


async def test_a_letter_is_read_with_its_bytes(letters: Letters) -> None:
    one = letters.add()
    examined = await ReadDeadLetter(letters)(str(one.id))
    assert (examined.letter, examined.body) == (one, letters.bodies[one.id])


async def test_counting_does_nothing(letters: Letters, jobs: FakeDeadLetterJobs) -> None:
    for reason in ("poison", "timeout", "timeout"):
        letters.add(reason=reason)
    start = StartDeadLetterJob(letters, jobs, uuid7)
    counted = await start.count(Selection())
    assert (counted.total, counted.by_reason) == (3, (("timeout", 2), ("poison", 1)))
    assert (letters.sent, jobs.jobs) == ([], {})


async def test_ids_that_no_letter_has_start_nothing_and_are_named(
    letters: Letters, jobs: FakeDeadLetterJobs
) -> None:
    one, strangers = letters.add(), sorted(uuid4() for _ in range(5))
    start = StartDeadLetterJob(letters, jobs, uuid7)
    selection = Selection(ids=(one.id, *strangers))
    expected = f"There is no dead letter {', '.join(map(str, strangers[:3]))} and 2 more; "
    with pytest.raises(NotFoundError) as caught:
        await start(REPLAY, selection, requested_by="user:a")
    assert caught.value.message.startswith(expected)
    with pytest.raises(NotFoundError):
        await start.count(selection)
    assert jobs.jobs == {}


async def test_a_job_is_started_and_worked_off_by_steps(
    letters: Letters, jobs: FakeDeadLetterJobs
) -> None:
    for _ in range(5):
        letters.add()
    start = StartDeadLetterJob(letters, jobs, uuid7)
    job = await start(REPLAY, Selection(), requested_by="user:a")
    read = ReadDeadLetterJob(jobs)
    assert await read.one(str(job.id)) == job
    assert await read.page(offset=0, limit=10) == ([job], 1)
    work = WorkOnDeadLetterJob(jobs, lambda: NOW)
    done = []
    while (step := await work(2)) is not None:
        done.append(step.done)
    assert done == [2, 4, 5, 5]
    assert (await read.one(str(job.id))).state is JobState.COMPLETED
    assert len(letters.sent) == 5


async def test_jobs_take_turns(letters: Letters, jobs: FakeDeadLetterJobs) -> None:
    started: list[UUID] = []
    for reason in ("poison", "timeout"):
        for _ in range(2):
            letters.add(reason=reason)
        selection = Selection(filter=LetterFilter(reason=reason))
        start = StartDeadLetterJob(letters, jobs, uuid7)
        started.append((await start(REPLAY, selection, requested_by="user:a")).id)
    work = WorkOnDeadLetterJob(jobs, lambda: NOW)
    turns = [await work(1) for _ in range(4)]
    assert [turn and turn.id for turn in turns] == started * 2


async def test_a_job_that_another_completed_meanwhile_is_passed_over(
    letters: Letters, jobs: FakeDeadLetterJobs
) -> None:
    one = letters.add()
    start = StartDeadLetterJob(letters, jobs, uuid7)
    finished = await start(REPLAY, Selection(ids=(one.id,)), requested_by="user:a")
    while (step := await jobs.work_off(finished.id, 9, NOW)) and step.state is JobState.RUNNING:
        pass
    letters.add()
    waiting = await start(REPLAY, Selection(), requested_by="user:a")
    jobs.free = [finished.id, waiting.id]  # its lease ended while it was worked on
    step = await WorkOnDeadLetterJob(jobs, lambda: NOW)(9)
    assert step is not None
    assert (step.id, step.done) == (waiting.id, 1)

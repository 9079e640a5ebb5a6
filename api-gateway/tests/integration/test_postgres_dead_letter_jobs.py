"""Jobs over dead letters in PostgreSQL: each letter once, whoever works, and always an end."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from dead_letters_suite import DeadLettersSuite, Kept
from letters import Post
from samples import NOW, outcome
from sqlalchemy import func, select, text, update
from uuid_utils.compat import uuid7

from api_gateway.adapters.postgres_dead_letter_jobs import PostgresDeadLetterJobs
from api_gateway.adapters.postgres_dead_letters import PostgresDeadLetters
from api_gateway.adapters.tables import dead_letter_jobs, notifications
from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetterJob,
    JobState,
    LetterFilter,
    LetterState,
    Selection,
)
from api_gateway.domain.notification import Notification
from api_gateway.usecases.work_on_dead_letter_job import WorkOnDeadLetterJob
from contracts.notification import NotificationStatus
from contracts.outcome import OutcomeKind
from servicekit.database import Database

REPLAY, DISCARD = ClosingAction.REPLAY, ClosingAction.DISCARD


@pytest_asyncio.fixture(autouse=True)
async def nothing_left_by_other_tests(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(update(dead_letter_jobs).values(state=JobState.COMPLETED.value))


@pytest.fixture
def jobs(database: Database) -> PostgresDeadLetterJobs:
    return PostgresDeadLetterJobs(database)


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


def all_of(post: Post) -> Selection:
    return Selection(filter=LetterFilter(template_code=post.template_code))


async def start(
    jobs: PostgresDeadLetterJobs, selection: Selection, action: ClosingAction = REPLAY
) -> DeadLetterJob:
    return await jobs.add(uuid7(), action, selection, requested_by="application:a")


async def steps(
    jobs: PostgresDeadLetterJobs, job: DeadLetterJob, limit: int = 3
) -> Sequence[DeadLetterJob]:
    """Work on one job until it is completed; what each step answered."""
    taken: list[DeadLetterJob] = []
    async with asyncio.timeout(20):
        while (step := await jobs.work_off(job.id, limit, NOW)) is not None:
            taken.append(step)
    return taken


async def filled(post: Post, count: int) -> tuple[list[Notification], list[UUID]]:
    pairs = [await post.failed_letter() for _ in range(count)]
    return [one for one, _ in pairs], [letter_id for _, letter_id in pairs]


async def test_a_job_replays_all_of_its_selection_step_by_step(
    jobs: PostgresDeadLetterJobs, post: Post
) -> None:
    ones, ids = await filled(post, 7)
    job = await start(jobs, all_of(post))
    assert (job.total, job.done, job.skipped, job.state) == (7, 0, 0, JobState.RUNNING)
    taken = await steps(jobs, job)
    assert [(step.done, step.state) for step in taken] == [
        (3, JobState.RUNNING),
        (6, JobState.RUNNING),
        (7, JobState.RUNNING),
        (7, JobState.COMPLETED),
    ]
    assert taken[-1].finished_at is not None
    assert await jobs.find(job.id) == taken[-1]
    assert sorted(message.delivery_id for message in await post.replayed(*ones)) == sorted(
        one.deliveries[0].id for one in ones
    )
    assert {(await post.found(one)).status for one in ones} == {NotificationStatus.PENDING}
    for letter_id in ids:
        assert await post.state_of(letter_id) == (LetterState.REPLAYED, "application:a")


async def test_a_job_discards(jobs: PostgresDeadLetterJobs, post: Post) -> None:
    ones, ids = await filled(post, 2)
    unreadable = await post.keep()
    last = (await steps(jobs, await start(jobs, all_of(post), DISCARD)))[-1]
    assert (last.total, last.done, last.skipped) == (3, 3, 0)
    for letter_id in (*ids, unreadable):
        assert (await post.state_of(letter_id))[0] is LetterState.DISCARDED
    assert await post.replayed(*ones) == []


async def test_what_cannot_be_replayed_is_passed_over_once_and_stays_open(
    jobs: PostgresDeadLetterJobs, post: Post
) -> None:
    ones, _ = await filled(post, 2)
    unreadable = [await post.keep() for _ in range(4)]
    delivered, letter_id = await post.failed_letter()
    about = {"notification_id": delivered.id, "delivery_id": delivered.deliveries[0].id}
    await post.record(outcome(OutcomeKind.SENT, **about))
    taken = await steps(jobs, await start(jobs, all_of(post)), limit=2)
    assert (taken[-1].total, taken[-1].done, taken[-1].skipped) == (7, 2, 5)
    assert len(await post.replayed(*ones)) == 2
    for open_id in (*unreadable, letter_id):
        assert await post.state_of(open_id) == (LetterState.OPEN, None)


async def test_what_postgresql_refuses_does_not_keep_the_others_back(
    jobs: PostgresDeadLetterJobs, post: Post
) -> None:
    ones, _ = await filled(post, 3)
    stranger = await post.failed()
    about: dict[str, Any] = {
        "notification_id": stranger.id,
        "delivery_id": stranger.deliveries[0].id,
    }
    poison = outcome(OutcomeKind.SENT, reason="r" * 101, **about)
    letter_id = await post.keep(body=poison.model_dump_json().encode())
    more, _ = await filled(post, 2)
    last = (await steps(jobs, await start(jobs, all_of(post)), limit=100))[-1]
    assert (last.done, last.skipped) == (5, 1)
    assert len(await post.replayed(*ones, *more)) == 5
    assert (await post.state_of(letter_id))[0] is LetterState.OPEN


async def test_a_job_by_ids_leaves_the_others_alone(
    jobs: PostgresDeadLetterJobs, post: Post
) -> None:
    ones, ids = await filled(post, 3)
    last = (await steps(jobs, await start(jobs, Selection(ids=(ids[0], ids[2])))))[-1]
    assert (last.total, last.done) == (2, 2)
    assert await post.replayed(ones[1]) == []
    assert (await post.state_of(ids[1]))[0] is LetterState.OPEN


async def test_a_job_is_not_for_letters_that_came_after_it(
    jobs: PostgresDeadLetterJobs, post: Post
) -> None:
    await filled(post, 2)
    job = await start(jobs, all_of(post))
    await jobs.work_off(job.id, 1, NOW)
    late, late_id = await post.failed_letter()
    last = (await steps(jobs, job))[-1]
    assert (last.total, last.done, last.skipped) == (2, 2, 0)
    assert await post.replayed(late) == []
    assert (await post.state_of(late_id))[0] is LetterState.OPEN


async def test_a_job_without_letters_is_completed_at_once(
    jobs: PostgresDeadLetterJobs, post: Post
) -> None:
    job = await start(jobs, all_of(post))
    assert (job.total, job.state) == (0, JobState.COMPLETED)
    assert job.finished_at is not None
    assert await jobs.work_off(job.id, 10, NOW) is None


async def test_what_somebody_else_closed_meanwhile_counts_as_skipped(
    jobs: PostgresDeadLetterJobs, post: Post, database: Database
) -> None:
    _, ids = await filled(post, 3)
    job = await start(jobs, all_of(post))
    letters = PostgresDeadLetters(database)
    await letters.close(ids[0], DISCARD, closed_by="user:admin", now=NOW)
    last = (await steps(jobs, job))[-1]
    assert (last.total, last.done, last.skipped) == (3, 2, 1)
    assert await post.state_of(ids[0]) == (LetterState.DISCARDED, "user:admin")


async def test_many_workers_on_one_job_replay_each_letter_once(
    jobs: PostgresDeadLetterJobs, post: Post, database: Database
) -> None:
    ones, ids = await filled(post, 12)
    job = await start(jobs, all_of(post))
    letters = PostgresDeadLetters(database)
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(steps(jobs, job, limit=2) for _ in range(4)),
            *(letters.close(ids[-1], REPLAY, closed_by="user:admin", now=NOW) for _ in range(3)),
        )
    assert sorted(message.delivery_id for message in await post.replayed(*ones)) == sorted(
        one.deliveries[0].id for one in ones
    )
    after = await jobs.find(job.id)
    assert after is not None
    assert (after.state, after.done + after.skipped) == (JobState.COMPLETED, 12)


async def test_two_jobs_over_the_same_letters_both_come_to_an_end(
    jobs: PostgresDeadLetterJobs, post: Post
) -> None:
    ones, _ = await filled(post, 6)
    for _ in range(6):
        await post.keep()
    first, second = await start(jobs, all_of(post)), await start(jobs, all_of(post))
    await asyncio.gather(*(steps(jobs, job, limit=2) for job in (first, second, second, first)))
    assert len(await post.replayed(*ones)) == 6
    ends = [await jobs.find(job.id) for job in (first, second)]
    assert [end and (end.state, end.done + end.skipped) for end in ends] == [
        (JobState.COMPLETED, 12)
    ] * 2
    assert sum(end.done for end in ends if end) == 6


async def test_passed_over_letters_may_be_tried_by_a_later_job(
    jobs: PostgresDeadLetterJobs, post: Post
) -> None:
    await post.keep()
    for _ in range(2):
        last = (await steps(jobs, await start(jobs, all_of(post))))[-1]
        assert (last.total, last.skipped, last.state) == (1, 1, JobState.COMPLETED)


async def test_a_leased_job_is_left_alone_until_its_lease_is_over(
    jobs: PostgresDeadLetterJobs, post: Post, database: Database
) -> None:
    await post.keep()
    job = await start(jobs, all_of(post))
    leased = await asyncio.gather(*(jobs.lease() for _ in range(4)))
    assert leased.count(job.id) == 1
    assert await jobs.lease() is None
    async with database.transaction() as connection:
        await connection.execute(
            update(dead_letter_jobs)
            .where(dead_letter_jobs.c.id == job.id)
            .values(leased_until=func.now() - text("interval '1 second'"))
        )
    assert await jobs.lease() == job.id
    # A step gives it back.
    assert await jobs.work_off(job.id, 1, NOW) is not None
    assert await jobs.lease() == job.id
    await steps(jobs, job)
    assert await jobs.lease() is None


async def test_any_number_of_relays_work_off_all_jobs(
    jobs: PostgresDeadLetterJobs, post: Post, database: Database
) -> None:
    other = Post(database)
    ones, _ = await filled(post, 5)
    others, _ = await filled(other, 5)
    started = [await start(jobs, all_of(one)) for one in (post, other)]

    async def relay() -> None:
        work = WorkOnDeadLetterJob(jobs, lambda: NOW)
        ends = [job.id for job in started]
        while await unfinished(jobs, ends):
            if await work(2) is None:
                await asyncio.sleep(0.02)

    async with asyncio.timeout(30):
        await asyncio.gather(relay(), relay())
    assert len(await post.replayed(*ones, *others)) == 10


async def unfinished(jobs: PostgresDeadLetterJobs, ids: Sequence[UUID]) -> bool:
    found = [await jobs.find(job_id) for job_id in ids]
    return any(job is None or job.state is JobState.RUNNING for job in found)


class TestPostgresDeadLetters(DeadLettersSuite):
    @pytest.fixture
    def kept(self, database: Database, post: Post) -> Kept:
        async def deliverable(template_code: str) -> UUID:
            post.template_code = template_code
            return (await post.failed_letter())[1]

        async def unreadable(template_code: str) -> UUID:
            return await post.keep(template_code=template_code)

        letters, jobs = PostgresDeadLetters(database), PostgresDeadLetterJobs(database)
        return Kept(letters, jobs, deliverable, unreadable)


@pytest.mark.parametrize("unstorable", [True, False])
async def test_a_job_locks_notifications_in_the_order_of_those_who_record(
    jobs: PostgresDeadLetterJobs, post: Post, database: Database, unstorable: bool
) -> None:
    """While somebody holds the lower of two, the higher one must still be free for them."""
    lower, higher = await post.failed(), await post.failed()
    assert lower.id < higher.id
    await post.dead(higher)
    refused = outcome(
        OutcomeKind.SENT,
        notification_id=lower.id,
        delivery_id=lower.deliveries[0].id,
        detail="\0" if unstorable else None,
    )
    await post.keep(body=refused.model_dump_json().encode())
    job = await start(jobs, all_of(post))
    lock = select(notifications.c.id).with_for_update(nowait=True)
    async with database.transaction() as connection:
        await connection.execute(lock.where(notifications.c.id == lower.id))
        working = asyncio.create_task(jobs.work_off(job.id, 3, NOW))
        await asyncio.sleep(0.5)
        await connection.execute(lock.where(notifications.c.id == higher.id))
    step = await working
    assert step is not None
    assert (step.done, step.skipped) == ((1, 1) if unstorable else (2, 0))

"""How all `DeadLetters` and their `DeadLetterJobs` behave: the fakes and PostgreSQL."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from samples import NOW, unused
from uuid_utils.compat import uuid7

from api_gateway.domain.close_letter import Refused
from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetter,
    DeadLetterJob,
    JobState,
    LetterFilter,
    LetterState,
    Selection,
)
from api_gateway.usecases.dead_letter_ports import DeadLetterJobs, DeadLetters
from contracts.delivery_message import DeliveryMessage

REPLAY, DISCARD = ClosingAction.REPLAY, ClosingAction.DISCARD


@dataclass(frozen=True)
class Kept:
    """What a suite works on.

    Attributes:
        deliverable: Keeps the letter of a failed delivery, of this template.
        unreadable: Keeps a letter of bytes, of this template.
    """

    letters: DeadLetters
    jobs: DeadLetterJobs
    deliverable: Callable[[str], Awaitable[UUID]]
    unreadable: Callable[[str], Awaitable[UUID]]


class DeadLettersSuite:
    @pytest.fixture
    def kept(self) -> Kept:
        raise NotImplementedError

    @pytest.fixture
    def code(self) -> str:
        """A template of this test's own."""
        return unused("code")

    async def test_what_does_not_exist_is_nowhere(self, kept: Kept) -> None:
        stranger = uuid4()
        assert await kept.letters.find(stranger) is None
        assert await kept.letters.missing([stranger]) == {stranger}
        assert await kept.jobs.find(stranger) is None
        closed = await kept.letters.close(stranger, REPLAY, closed_by="user:a", now=NOW)
        assert closed is None

    @pytest.mark.parametrize(
        ("action", "state"), [(REPLAY, LetterState.REPLAYED), (DISCARD, LetterState.DISCARDED)]
    )
    async def test_the_first_decision_stays_and_repeats_answer_it(
        self, kept: Kept, code: str, action: ClosingAction, state: LetterState
    ) -> None:
        letter_id = await kept.deliverable(code)
        first = await kept.letters.close(letter_id, action, closed_by="user:a", now=NOW)
        assert isinstance(first, DeadLetter)
        assert (first.state, first.closed_by) == (state, "user:a")
        again = await kept.letters.close(letter_id, action, closed_by="user:b", now=NOW)
        assert again == first
        other = DISCARD if action is REPLAY else REPLAY
        refused = await kept.letters.close(letter_id, other, closed_by="user:b", now=NOW)
        assert isinstance(refused, Refused)
        found = await kept.letters.find(letter_id)
        assert found is not None
        assert found.letter.erased_at is not None
        assert DeliveryMessage.model_validate_json(found.body).variables == {}
        assert found.letter == first

    async def test_what_is_no_delivery_is_refused_and_stays_open(
        self, kept: Kept, code: str
    ) -> None:
        letter_id = await kept.unreadable(code)
        refused = await kept.letters.close(letter_id, REPLAY, closed_by="user:a", now=NOW)
        assert isinstance(refused, Refused)
        mine = LetterFilter(template_code=code)
        [row], total = await kept.letters.page(mine, LetterState.OPEN, offset=0, limit=10)
        assert (row.id, row.closed_by, total) == (letter_id, None, 1)

    async def test_lists_and_counts_leave_out_what_is_closed(self, kept: Kept, code: str) -> None:
        ids = [await kept.deliverable(code) for _ in range(3)]
        await kept.letters.close(ids[1], DISCARD, closed_by="user:a", now=NOW)
        mine = LetterFilter(template_code=code)
        rows, total = await kept.letters.page(mine, LetterState.OPEN, offset=0, limit=10)
        assert ({row.id for row in rows}, total) == ({ids[0], ids[2]}, 2)
        rows, total = await kept.letters.page(mine, None, offset=2, limit=10)
        assert (len(rows), total) == (1, 3)
        counted = await kept.letters.count(Selection(filter=mine))
        assert (counted.total, counted.by_template) == (2, ((code, 2),))
        assert (await kept.letters.count(Selection(ids=tuple(ids)))).total == 2

    async def test_a_job_ends_with_every_letter_done_or_skipped(
        self, kept: Kept, code: str
    ) -> None:
        for _ in range(4):
            await kept.deliverable(code)
        await kept.unreadable(code)
        job = await self.started(kept, code)
        assert (job.total, job.state) == (5, JobState.RUNNING)
        states = []
        while (step := await kept.jobs.work_off(job.id, 2, NOW)) is not None:
            states.append((step.done + step.skipped, step.state))
        assert states == [
            (2, JobState.RUNNING),
            (4, JobState.RUNNING),
            (5, JobState.RUNNING),
            (5, JobState.COMPLETED),
        ]
        end = await kept.jobs.find(job.id)
        assert end is not None
        assert (end.done, end.skipped) == (4, 1)
        assert end.finished_at is not None

    async def test_a_job_over_nothing_is_completed_when_it_is_made(
        self, kept: Kept, code: str
    ) -> None:
        job = await self.started(kept, code)
        assert (job.total, job.state) == (0, JobState.COMPLETED)
        assert await kept.jobs.work_off(job.id, 2, NOW) is None

    async def test_a_job_is_leased_to_one_and_free_after_a_step(
        self, kept: Kept, code: str
    ) -> None:
        await kept.deliverable(code)
        job = await self.started(kept, code)
        assert await kept.jobs.lease() == job.id
        assert await kept.jobs.lease() is None
        assert await kept.jobs.work_off(job.id, 1, NOW) is not None
        assert await kept.jobs.lease() == job.id
        end = await kept.jobs.work_off(job.id, 1, NOW)
        assert end is not None
        assert end.state is JobState.COMPLETED
        assert await kept.jobs.lease() is None

    async def test_jobs_are_listed_newest_first(self, kept: Kept, code: str) -> None:
        jobs = [await self.started(kept, code) for _ in range(3)]
        rows, total = await kept.jobs.page(offset=1, limit=1)
        assert rows == [jobs[1]]
        assert total >= 3

    async def started(self, kept: Kept, code: str) -> DeadLetterJob:
        selection = Selection(filter=LetterFilter(template_code=code))
        return await kept.jobs.add(uuid7(), REPLAY, selection, requested_by="user:a")

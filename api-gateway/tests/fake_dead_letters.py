"""Dead letters and their jobs in memory; the suites show that they behave as PostgreSQL does."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from api_gateway.domain.close_letter import Closing, LetterDelivery, Refused, content_of
from api_gateway.domain.close_letter import decide_closing as decide
from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetter,
    DeadLetterJob,
    ExaminedLetter,
    JobState,
    LetterFilter,
    LetterState,
    Selection,
    SelectionCount,
)
from api_gateway.domain.erasure import erased_body
from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationStatus


class FakeDeadLetters:
    """`sent`: the messages that replays published."""

    def __init__(self) -> None:
        self.letters: dict[UUID, DeadLetter] = {}
        self.bodies: dict[UUID, bytes] = {}
        self.sent: list[DeliveryMessage] = []

    async def page(
        self, wanted: LetterFilter, state: LetterState | None, *, offset: int, limit: int
    ) -> tuple[list[DeadLetter], int]:
        found = sorted(
            (
                one
                for one in self.letters.values()
                if state in {None, one.state} and is_wanted(one, wanted)
            ),
            key=lambda one: (one.received_at, one.id),
            reverse=True,
        )
        return found[offset : offset + limit], len(found)

    async def find(self, letter_id: UUID) -> ExaminedLetter | None:
        found = self.letters.get(letter_id)
        return ExaminedLetter(found, self.bodies[letter_id], ()) if found else None

    async def close(
        self, letter_id: UUID, action: ClosingAction, *, closed_by: str, now: datetime
    ) -> DeadLetter | Refused | None:
        one = self.letters.get(letter_id)
        if one is None:
            return None
        content = content_of(self.bodies[letter_id])
        failed = LetterDelivery(NotificationStatus.FAILED, one.generation)
        decision = decide(
            action, one, content, failed if isinstance(content, DeliveryMessage) else None, now
        )
        if isinstance(decision, Refused):
            return decision
        if isinstance(decision, Closing):
            self.letters[letter_id] = replace(
                one, state=decision.state, closed_at=now, closed_by=closed_by, erased_at=now
            )
            self.bodies[letter_id] = erased_body(self.bodies[letter_id])
            if decision.message is not None:
                self.sent.append(decision.message)
        return self.letters[letter_id]

    async def count(self, selection: Selection) -> SelectionCount:
        found = self.selected(selection)
        reasons = Counter(one.reason for one in found)
        templates = Counter(one.template_code for one in found)
        return SelectionCount(
            len(found), tuple(reasons.most_common()), tuple(templates.most_common())
        )

    async def missing(self, ids: Collection[UUID]) -> set[UUID]:
        return set(ids) - set(self.letters)

    def selected(self, selection: Selection) -> list[DeadLetter]:
        return [
            one
            for one in self.letters.values()
            if one.state is LetterState.OPEN
            and is_wanted(one, selection.filter)
            and (selection.ids is None or one.id in selection.ids)
        ]


class FakeDeadLetterJobs:
    """Jobs over the letters of a fake; a leased one stays leased until it is worked off."""

    def __init__(self, letters: FakeDeadLetters) -> None:
        self.letters = letters
        self.jobs: dict[UUID, DeadLetterJob] = {}
        self.free: list[UUID] = []
        self.passed_over: dict[UUID, set[UUID]] = {}

    async def add(
        self, job_id: UUID, action: ClosingAction, selection: Selection, *, requested_by: str
    ) -> DeadLetterJob:
        now = datetime.now(UTC)
        total = len(self.letters.selected(selection))
        job = DeadLetterJob(job_id, action, selection, now, requested_by, now, total)
        self.jobs[job_id] = job if total else completed(job, now)
        self.passed_over[job_id] = set()
        if total:
            self.free.append(job_id)
        return self.jobs[job_id]

    async def find(self, job_id: UUID) -> DeadLetterJob | None:
        return self.jobs.get(job_id)

    async def page(self, *, offset: int, limit: int) -> tuple[list[DeadLetterJob], int]:
        newest = sorted(self.jobs.values(), key=lambda job: job.id, reverse=True)
        return newest[offset : offset + limit], len(newest)

    async def lease(self) -> UUID | None:
        return self.free.pop(0) if self.free else None

    async def work_off(self, job_id: UUID, limit: int, now: datetime) -> DeadLetterJob | None:
        job = self.jobs[job_id]
        if job.state is JobState.COMPLETED:
            return None
        passed_over = self.passed_over[job_id]
        left = [one for one in self.letters.selected(job.selection) if one.id not in passed_over]
        for one in left[:limit]:
            closed = await self.letters.close(
                one.id, job.action, closed_by=job.requested_by, now=now
            )
            if isinstance(closed, Refused):
                passed_over.add(one.id)
                job = replace(job, skipped=job.skipped + 1)
            else:
                job = replace(job, done=job.done + 1)
        job = job if left else completed(job, now)
        self.jobs[job_id] = job
        if job.state is JobState.RUNNING:
            self.free.append(job_id)
        return job


def completed(job: DeadLetterJob, now: datetime) -> DeadLetterJob:
    return replace(job, state=JobState.COMPLETED, finished_at=now, skipped=job.total - job.done)


def is_wanted(one: DeadLetter, wanted: LetterFilter) -> bool:
    pairs = (
        (wanted.notification_type, one.notification_type),
        (wanted.reason, one.reason),
        (wanted.template_code, one.template_code),
    )
    if any(want is not None and want != have for want, have in pairs):
        return False
    if wanted.received_from is not None and one.received_at < wanted.received_from:
        return False
    return wanted.received_to is None or one.received_at < wanted.received_to

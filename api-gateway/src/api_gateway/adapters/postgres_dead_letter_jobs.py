"""The jobs over dead letters in PostgreSQL, each worked on by one relay at a time."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.letter_job_step import take_step
from api_gateway.adapters.letter_rows import is_selected
from api_gateway.adapters.postgres_dead_letters import count_letters
from api_gateway.adapters.tables import dead_letter_jobs
from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetterJob,
    JobState,
    Selection,
    parse_selection,
    selection_document,
)
from api_gateway.domain.silence import RECONCILE_AFTER
from servicekit.counting import COUNTED
from servicekit.database import Database

LEASE: Final = timedelta(seconds=30)

_jobs: Final = dead_letter_jobs.c
_is_running: Final = _jobs.state == JobState.RUNNING.value


class PostgresDeadLetterJobs:
    """Implements `usecases.dead_letter_ports.DeadLetterJobs`.

    Args:
        database: The gateway's.
        reconcile_after: How long a delivery that was replayed may be silent.
    """

    def __init__(self, database: Database, *, reconcile_after: timedelta = RECONCILE_AFTER) -> None:
        self._database = database
        self._reconcile_after = reconcile_after

    async def add(
        self, job_id: UUID, action: ClosingAction, selection: Selection, *, requested_by: str
    ) -> DeadLetterJob:
        """Store a job for the open letters of a selection; completed at once without any."""
        async with self._database.transaction() as connection:
            total = await count_letters(connection, is_selected(selection))
            is_empty = total == 0
            rows = await connection.execute(
                insert(dead_letter_jobs)
                .values(
                    id=job_id,
                    action=action.value,
                    filter=selection_document(selection),
                    until=func.now(),
                    requested_by=requested_by,
                    total=total,
                    state=(JobState.COMPLETED if is_empty else JobState.RUNNING).value,
                    finished_at=func.now() if is_empty else None,
                )
                .returning(dead_letter_jobs)
            )
            return _job_of(rows.one())

    async def find(self, job_id: UUID) -> DeadLetterJob | None:
        """One job."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(dead_letter_jobs).where(_jobs.id == job_id))
            row = rows.first()
            return _job_of(row) if row is not None else None

    async def page(self, *, offset: int, limit: int) -> tuple[list[DeadLetterJob], int]:
        """Jobs, newest first; and how many there are, exact up to 10,000."""
        counted = select(_jobs.id).limit(COUNTED).subquery()
        async with self._database.transaction() as connection:
            total = await connection.scalar(select(func.count()).select_from(counted))
            rows = await connection.execute(
                select(dead_letter_jobs).order_by(_jobs.id.desc()).offset(offset).limit(limit)
            )
            return [_job_of(row) for row in rows], total or 0

    async def lease(self) -> UUID | None:
        """Take a running job that nobody works on, and keep others away for half a minute."""
        free = (
            select(_jobs.id)
            .where(_is_running, _jobs.leased_until <= func.now())
            .order_by(_jobs.leased_until, _jobs.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .cte("free")
        )
        async with self._database.transaction() as connection:
            leased: UUID | None = await connection.scalar(
                update(dead_letter_jobs)
                .where(_jobs.id.in_(select(free.c.id)))
                .values(leased_until=func.now() + LEASE)
                .returning(_jobs.id)
            )
            return leased

    async def work_off(self, job_id: UUID, limit: int, now: datetime) -> DeadLetterJob | None:
        """Close the next letters of a leased job in one transaction, and free the job again."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                select(dead_letter_jobs).where(_jobs.id == job_id, _is_running).with_for_update()
            )
            row = rows.first()
            if row is None:
                return None
            job = _job_of(row)
            done, skipped = await take_step(
                connection, job, limit, now, reconcile_after=self._reconcile_after
            )
            return await _progress(connection, job, done, skipped)


async def _progress(
    connection: AsyncConnection, job: DeadLetterJob, done: int, skipped: int
) -> DeadLetterJob:
    values: dict[str, Any] = {"leased_until": func.now()}
    if done or skipped:
        values |= {"done": job.done + done, "skipped": job.skipped + skipped}
    else:
        # What is missing was closed by others since it was counted; what is more than was counted
        # had been received, and not been committed, when it was.
        seen = max(job.total, job.done + job.skipped)
        values |= {"total": seen, "skipped": seen - job.done}
        values |= {"state": JobState.COMPLETED.value, "finished_at": func.now()}
    rows = await connection.execute(
        update(dead_letter_jobs)
        .where(_jobs.id == job.id)
        .values(values)
        .returning(dead_letter_jobs)
    )
    return _job_of(rows.one())


def _job_of(row: Row[Any]) -> DeadLetterJob:
    return DeadLetterJob(
        id=row.id,
        action=ClosingAction(row.action),
        selection=parse_selection(row.filter),
        until=row.until,
        requested_by=row.requested_by,
        created_at=row.created_at,
        total=row.total,
        done=row.done,
        skipped=row.skipped,
        state=JobState(row.state),
        finished_at=row.finished_at,
    )

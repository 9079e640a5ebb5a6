"""One step of a job over dead letters, within the transaction that holds the job.

A letter that a job passes over keeps the job's id: that job does not come back to it, and neither
does an older one, so that two jobs cannot pass the same letter to each other for ever.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.letter_closing import (
    LockedLetters,
    close_letters,
    lock_letters,
    lock_notifications,
)
from api_gateway.adapters.letter_rows import is_selected
from api_gateway.adapters.refused_values import refusal_of
from api_gateway.adapters.tables import dead_letters
from api_gateway.domain.close_letter import Closing
from api_gateway.domain.dead_letter import DeadLetterJob


async def take_step(
    connection: AsyncConnection,
    job: DeadLetterJob,
    limit: int,
    now: datetime,
    *,
    reconcile_after: timedelta,
) -> tuple[int, int]:
    """Close the next letters of a job, those received first at first.

    Args:
        connection: In the transaction that holds the job.
        job: The job.
        limit: How many letters at most.
        now: The time of the history's events.
        reconcile_after: How long a delivery that was replayed may be silent.

    Returns:
        How many were closed, and how many were passed over; (0, 0): none was left.
    """
    locked = await lock_letters(connection, _remaining(job), limit)
    if not locked:
        return 0, 0
    await lock_notifications(connection, locked)
    closed = await _try_to_close(connection, locked, job, now, reconcile_after)
    if closed is None:
        # One of them holds what PostgreSQL refuses; the others have nothing to do with it.
        closed = set()
        for row in locked:
            closed |= await _try_to_close(connection, [row], job, now, reconcile_after) or set()
    if passed_over := {row.id for row in locked} - closed:
        await connection.execute(
            update(dead_letters).where(dead_letters.c.id.in_(passed_over)).values(job_id=job.id)
        )
    return len(closed), len(passed_over)


def _remaining(job: DeadLetterJob) -> ColumnElement[bool]:
    # Ids are UUIDv7: a smaller one is an older job's.
    return and_(
        is_selected(job.selection),
        dead_letters.c.received_at <= job.until,
        or_(dead_letters.c.job_id.is_(None), dead_letters.c.job_id < job.id),
    )


async def _try_to_close(
    connection: AsyncConnection,
    locked: LockedLetters,
    job: DeadLetterJob,
    now: datetime,
    reconcile_after: timedelta,
) -> set[UUID] | None:
    """Returns which were closed; None: a value is refused, and nothing was done."""
    try:
        async with connection.begin_nested():
            decisions = await close_letters(
                connection,
                locked,
                job.action,
                closed_by=job.requested_by,
                now=now,
                job_id=job.id,
                reconcile_after=reconcile_after,
            )
    except DBAPIError as error:
        if refusal_of(error) is None:
            raise
        return None
    return {key for key, decision in decisions.items() if isinstance(decision, Closing)}

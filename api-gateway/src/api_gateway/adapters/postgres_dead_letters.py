"""The dead letters in PostgreSQL: reading them, and deciding about one."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.letter_closing import (
    close_letters,
    lock_letters,
    lock_notifications,
)
from api_gateway.adapters.letter_rows import SHOWN_LETTERS, is_selected, is_wanted, letter_of
from api_gateway.adapters.notification_rows import timeline_event_of
from api_gateway.adapters.refused_values import refusal_of
from api_gateway.adapters.tables import dead_letters, events
from api_gateway.domain.close_letter import Refused
from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetter,
    ExaminedLetter,
    LetterFilter,
    LetterState,
    Selection,
    SelectionCount,
)
from api_gateway.domain.notification import TimelineEvent
from api_gateway.domain.silence import RECONCILE_AFTER
from servicekit.counting import COUNTED
from servicekit.database import Database

_GROUPS: Final = 100  # more reasons or templates than anybody reads


class PostgresDeadLetters:
    """Implements `usecases.dead_letter_ports.DeadLetters`.

    Args:
        database: The gateway's.
        reconcile_after: How long a delivery that was replayed may be silent.
    """

    def __init__(self, database: Database, *, reconcile_after: timedelta = RECONCILE_AFTER) -> None:
        self._database = database
        self._reconcile_after = reconcile_after

    async def page(
        self, wanted: LetterFilter, state: LetterState | None, *, offset: int, limit: int
    ) -> tuple[list[DeadLetter], int]:
        """Letters, those received last first; and how many there are, exact up to 10,000."""
        condition = is_wanted(wanted, state)
        counted = select(dead_letters.c.id).where(condition).limit(COUNTED).subquery()
        async with self._database.transaction() as connection:
            total = await connection.scalar(select(func.count()).select_from(counted))
            rows = await connection.execute(
                SHOWN_LETTERS.where(condition)
                .order_by(dead_letters.c.received_at.desc(), dead_letters.c.id.desc())
                .offset(offset)
                .limit(limit)
            )
            return [letter_of(row) for row in rows], total or 0

    async def find(self, letter_id: UUID) -> ExaminedLetter | None:
        """One letter with its message and the history of its delivery."""
        async with self._database.transaction() as connection:
            row = (
                await connection.execute(
                    SHOWN_LETTERS.add_columns(dead_letters.c.body).where(
                        dead_letters.c.id == letter_id
                    )
                )
            ).first()
            if row is None:
                return None
            return ExaminedLetter(letter_of(row), row.body, await _attempts(connection, row))

    async def close(
        self, letter_id: UUID, action: ClosingAction, *, closed_by: str, now: datetime
    ) -> DeadLetter | Refused | None:
        """Replay or discard one letter, in one transaction with all that follows from it."""
        this = dead_letters.c.id == letter_id
        try:
            async with self._database.transaction() as connection:
                locked = await lock_letters(connection, this, 1)
                if not locked:
                    return None
                await lock_notifications(connection, locked)
                decisions = await close_letters(
                    connection,
                    locked,
                    action,
                    closed_by=closed_by,
                    now=now,
                    reconcile_after=self._reconcile_after,
                )
                if isinstance(refused := decisions[letter_id], Refused):
                    return refused
                return letter_of((await connection.execute(SHOWN_LETTERS.where(this))).one())
        except DBAPIError as error:
            if (state := refusal_of(error)) is None:
                raise
            return Refused(f"PostgreSQL takes no such value (SQLSTATE {state}); discard it.")

    async def count(self, selection: Selection) -> SelectionCount:
        """How many open letters a selection holds."""
        condition = is_selected(selection)
        async with self._database.transaction() as connection:
            return SelectionCount(
                await count_letters(connection, condition),
                await _count_by(connection, condition, dead_letters.c.reason),
                await _count_by(connection, condition, dead_letters.c.template_code),
            )

    async def missing(self, ids: Collection[UUID]) -> set[UUID]:
        """Those ids that no letter has, open or closed."""
        async with self._database.transaction() as connection:
            found = await connection.execute(
                select(dead_letters.c.id).where(dead_letters.c.id.in_(list(ids)))
            )
            return set(ids) - set(found.scalars())


async def count_letters(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    """How many letters there are, exactly."""
    counting = select(func.count()).select_from(dead_letters).where(condition)
    return (await connection.execute(counting)).scalar_one()


async def _count_by(
    connection: AsyncConnection, condition: ColumnElement[bool], column: ColumnElement[Any]
) -> tuple[tuple[Any, int], ...]:
    count = func.count()
    rows = await connection.execute(
        select(column, count)
        .select_from(dead_letters)
        .where(condition)
        .group_by(column)
        .order_by(count.desc(), column)
        .limit(_GROUPS)
    )
    return tuple((row[0], row[1]) for row in rows)


async def _attempts(connection: AsyncConnection, letter: Row[Any]) -> tuple[TimelineEvent, ...]:
    if letter.delivery_id is None:
        return ()
    rows = await connection.execute(
        select(events)
        .where(
            events.c.notification_id == letter.notification_id,
            events.c.delivery_id == letter.delivery_id,
        )
        .order_by(events.c.generation, events.c.at, events.c.attempt, events.c.id)
    )
    return tuple(timeline_event_of(row) for row in rows)

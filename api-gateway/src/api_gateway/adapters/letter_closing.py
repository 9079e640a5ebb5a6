"""Closes dead letters within somebody's transaction: state, history and outbox move together."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.erasing import erase_bodies, erase_discarded, restore_variables
from api_gateway.adapters.letter_rows import SHOWN_LETTERS, letter_of
from api_gateway.adapters.outbox_rows import leave_to_relay
from api_gateway.adapters.outcome_merge import merge_outcomes
from api_gateway.adapters.outcome_statements import LOCK_NOTIFICATIONS, id_arguments
from api_gateway.adapters.tables import dead_letters, deliveries
from api_gateway.domain.close_letter import (
    ClosedBefore,
    Closing,
    LetterDelivery,
    Refused,
    content_of,
    decide_closing,
)
from api_gateway.domain.dead_letter import ClosingAction
from api_gateway.domain.identifiers import parse_notification_id
from api_gateway.domain.silence import RECONCILE_AFTER
from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationStatus

LockedLetters = Sequence[Row[Any]]

Decision = Closing | ClosedBefore | Refused

_UNKNOWN: Final = Refused(
    "It is an outcome of a notification that is not known here, so it cannot be recorded; "
    "discard it."
)


async def lock_letters(
    connection: AsyncConnection, condition: ColumnElement[bool], limit: int
) -> LockedLetters:
    """Lock letters, those received first at first; waits for others who decide about them."""
    rows = await connection.execute(
        SHOWN_LETTERS.add_columns(dead_letters.c.body)
        .where(condition)
        .order_by(dead_letters.c.received_at, dead_letters.c.id)
        .limit(limit)
        .with_for_update(of=dead_letters)
    )
    return rows.all()


async def lock_notifications(connection: AsyncConnection, locked: LockedLetters) -> None:
    """Lock the notifications of locked letters, in the order of everybody who locks several.

    Once for all letters of a transaction: one letter at a time would be another order.
    """
    contents = (content_of(row.body) for row in locked)
    owners = (parse_notification_id(one.notification_id) for one in contents if one is not None)
    ids = {owner for owner in owners if owner is not None}
    await connection.execute(LOCK_NOTIFICATIONS, id_arguments(ids))


async def close_letters(
    connection: AsyncConnection,
    locked: LockedLetters,
    action: ClosingAction,
    *,
    closed_by: str,
    now: datetime,
    job_id: UUID | None = None,
    reconcile_after: timedelta = RECONCILE_AFTER,
) -> dict[UUID, Decision]:
    """Decide about locked letters, and do all that follows.

    Args:
        connection: In the transaction that holds the locks, of letters and notifications.
        locked: The letters.
        action: What to do.
        closed_by: Caller id.
        now: The time of the history's events.
        job_id: The job that asks for it.
        reconcile_after: How long a delivery that was replayed may be silent.

    Returns:
        What was decided, for each letter.

    Raises:
        DBAPIError: PostgreSQL refuses a value; the transaction is lost.
    """
    contents = {row.id: content_of(row.body) for row in locked}
    messages = {
        key: content for key, content in contents.items() if isinstance(content, DeliveryMessage)
    }
    found = await _deliveries_of(connection, messages)
    decisions: dict[UUID, Decision] = {
        row.id: decide_closing(action, letter_of(row), contents[row.id], found.get(row.id), now)
        for row in locked
    }
    closings = {key: one for key, one in decisions.items() if isinstance(one, Closing)}
    unknown = await merge_outcomes(
        connection,
        [one.event for one in closings.values() if one.event is not None],
        reconcile_after=reconcile_after,
    )
    for key, closing in list(closings.items()):
        if closing.event is not None and closing.event.event_id in unknown:
            decisions[key] = _UNKNOWN
            del closings[key]
    sent_again = [one.message for one in closings.values() if one.message is not None]
    await restore_variables(connection, sent_again)
    await leave_to_relay(connection, sent_again)
    if closings:
        await _mark(connection, closings, closed_by, job_id)
        await erase_bodies(connection, {row.id: row.body for row in locked if row.id in closings})
        if action is ClosingAction.DISCARD:
            discarded = [messages[key] for key in closings if key in messages]
            await erase_discarded(connection, discarded)
    return decisions


async def _mark(
    connection: AsyncConnection,
    closings: Mapping[UUID, Closing],
    closed_by: str,
    job_id: UUID | None,
) -> None:
    [state] = {closing.state for closing in closings.values()}  # of one action
    await connection.execute(
        update(dead_letters)
        .where(dead_letters.c.id.in_(list(closings)))
        .values(state=state.value, closed_at=func.now(), closed_by=closed_by, job_id=job_id)
    )


async def _deliveries_of(
    connection: AsyncConnection, messages: Mapping[UUID, DeliveryMessage]
) -> dict[UUID, LetterDelivery]:
    """Where the letters' deliveries stand."""
    owners = {
        message.delivery_id: parse_notification_id(message.notification_id)
        for message in messages.values()
    }
    rows = await connection.execute(
        select(deliveries).where(
            deliveries.c.notification_id.in_({key for key in owners.values() if key is not None}),
            deliveries.c.id.in_(list(owners)),
        )
    )
    known = {row.id: row for row in rows if row.notification_id == owners[row.id]}
    newest = await _newest_letters(connection, list(known))
    found = {}
    for letter_id, message in messages.items():
        row = known.get(message.delivery_id)
        if row is not None:
            generation, newest_id = newest.get(row.id, (0, None))
            found[letter_id] = LetterDelivery(
                NotificationStatus(row.status),
                row.generation,
                newest_id if generation > message.generation else None,
            )
    return found


async def _newest_letters(
    connection: AsyncConnection, delivery_ids: Collection[UUID]
) -> dict[UUID, tuple[int, UUID]]:
    """The generation and the id of each delivery's newest letter."""
    letter = dead_letters.c
    rows = await connection.execute(
        select(letter.delivery_id, letter.generation, letter.id)
        .where(letter.delivery_id.in_(delivery_ids))
        .order_by(letter.generation)
    )
    return {row.delivery_id: (row.generation, row.id) for row in rows}

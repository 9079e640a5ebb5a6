"""Merges events into history and state within somebody's transaction.

The recorder, the drain of dead letters and a replay all go through here: there is one way in which
the state of a delivery changes. A batch costs the same few statements, however large it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.notification_rows import delivery_of, notification_of, state_of
from api_gateway.adapters.outbox_rows import leave_to_relay
from api_gateway.adapters.outcome_statements import (
    ADD_EVENTS,
    EVENT,
    LOCK_NOTIFICATIONS,
    MOVE_DELIVERIES,
    MOVE_NOTIFICATIONS,
    SELECT_DELIVERIES,
    SELECT_NOTIFICATIONS,
    STATE,
    STATE_COLUMNS,
    WHOLE,
    id_arguments,
)
from api_gateway.adapters.unnested import arrays_of
from api_gateway.domain.build_message import build_message
from api_gateway.domain.delivery_state import DeliveryState, merge, notification_status
from api_gateway.domain.erasure import erasure_of
from api_gateway.domain.identifiers import parse_notification_id
from api_gateway.domain.silence import RECONCILE_AFTER
from contracts.notification import NotificationStatus
from contracts.outcome import STATUS_AFTER, DeliveryOutcome


async def merge_outcomes(
    connection: AsyncConnection,
    outcomes: Sequence[DeliveryOutcome],
    *,
    reconcile_after: timedelta = RECONCILE_AFTER,
) -> set[UUID]:
    """Add events to the history and merge them into the state; doing so again changes nothing.

    A parked delivery is put into the outbox, due at its next attempt, by an event that is new, or
    that moves the state: a delivery that was parked begins anew, and may be parked again under the
    same event id.

    Args:
        connection: In a transaction, which locks the notifications of these events until its end.
        outcomes: The events; repeats are welcome.
        reconcile_after: How long a delivery may be silent from now, or from its next attempt on.

    Returns:
        The ids of those events whose notification or delivery does not exist.

    Raises:
        DBAPIError: PostgreSQL refuses a value; the transaction is lost.
    """
    ids = id_arguments({key for item in outcomes if (key := _notification_id(item)) is not None})
    if not ids["ids"]:
        return {item.event_id for item in outcomes}
    await connection.execute(LOCK_NOTIFICATIONS, ids)
    rows = {row.id: row for row in await connection.execute(SELECT_DELIVERIES, ids)}
    known = [item for item in outcomes if _is_known(item, rows)]
    if known:
        new = await _add_events(connection, known)
        merged = await _move(connection, rows, known, reconcile_after)
        # Within a batch too the same event may be repeated.
        unrepeated = {
            item.event_id: item
            for item in known
            if item.event_id in new
            or _moves(item, state_of(rows[item.delivery_id]), merged[item.delivery_id])
        }
        await _park(connection, rows, merged, unrepeated.values())
    return {item.event_id for item in outcomes} - {item.event_id for item in known}


def _notification_id(outcome: DeliveryOutcome) -> UUID | None:
    return parse_notification_id(outcome.notification_id)


def _is_known(outcome: DeliveryOutcome, rows: dict[UUID, Row[Any]]) -> bool:
    row = rows.get(outcome.delivery_id)
    return row is not None and row.notification_id == _notification_id(outcome)


def _moves(outcome: DeliveryOutcome, before: DeliveryState, after: DeliveryState) -> bool:
    return before.order != after.order and (
        (after.event_id, after.event_at) == (outcome.event_id, outcome.at)
    )


async def _add_events(
    connection: AsyncConnection, outcomes: Iterable[DeliveryOutcome]
) -> set[UUID]:
    """Returns the ids of those that were not there before."""
    rows = [
        {
            "id": item.event_id,
            "notification_id": _notification_id(item),
            "delivery_id": item.delivery_id,
            "kind": item.kind.value,
            "status": STATUS_AFTER[item.kind].value,
            "at": item.at,
            "generation": item.generation,
            "attempt": item.attempt,
            "provider": item.provider,
            "provider_message_id": item.provider_message_id,
            "reply_code": item.reply_code,
            "latency_ms": item.latency_ms,
            "reason": item.reason,
            "detail": item.detail,
            "next_attempt_at": item.next_attempt_at,
        }
        for item in outcomes
    ]
    new = await connection.execute(ADD_EVENTS, arrays_of(EVENT, rows))
    return set(new.scalars())


async def _move(
    connection: AsyncConnection,
    rows: dict[UUID, Row[Any]],
    outcomes: Iterable[DeliveryOutcome],
    reconcile_after: timedelta,
) -> dict[UUID, DeliveryState]:
    """Returns the state of each delivery after these events."""
    before = {delivery_id: state_of(row) for delivery_id, row in rows.items()}
    after = dict(before)
    next_attempts: dict[UUID | None, datetime | None] = {}
    for item in outcomes:
        after[item.delivery_id] = merge(after[item.delivery_id], item)
        next_attempts[item.event_id] = item.next_attempt_at
    changed = sorted(key for key, state in after.items() if state != before[key])
    if not changed:
        return after
    moved = [
        {
            "notification_id": rows[key].notification_id,
            "id": key,
            **{name: getattr(after[key], name) for name in STATE_COLUMNS},
            "is_news": after[key].event_id in next_attempts,
            "next_attempt_at": next_attempts.get(after[key].event_id),
        }
        for key in changed
    ]
    ids = id_arguments({row["notification_id"] for row in moved})
    await connection.execute(
        MOVE_DELIVERIES,
        {**arrays_of(STATE, moved), **ids, "reconcile_after": reconcile_after},
    )
    by_notification: dict[UUID, list[DeliveryState]] = defaultdict(list)
    for key in sorted(rows):
        by_notification[rows[key].notification_id].append(after[key])
    wholes = [{"id": key, **_whole_state(by_notification[key])} for key in ids["ids"]]
    await connection.execute(MOVE_NOTIFICATIONS, {**arrays_of(WHOLE, wholes), **ids})
    return after


async def _park(
    connection: AsyncConnection,
    rows: dict[UUID, Row[Any]],
    states: dict[UUID, DeliveryState],
    new: Iterable[DeliveryOutcome],
) -> None:
    parked = [
        item
        for item in new
        if item.parked
        # What has ended meanwhile, or begun again, is not to be sent for this.
        and states[item.delivery_id].status is NotificationStatus.PENDING
        and states[item.delivery_id].generation == item.generation
    ]
    if not parked:
        return
    ids = id_arguments({rows[item.delivery_id].notification_id for item in parked})
    found = await connection.execute(SELECT_NOTIFICATIONS, ids)
    by_id = {row.id: notification_of(row) for row in found}
    messages = []
    for item in parked:
        row = rows[item.delivery_id]
        message = build_message(
            by_id[row.notification_id],
            delivery_of(row),
            retry_count=item.next_retry_count or 0,
            not_before=item.next_attempt_at,
        )
        left_off = {
            # The row may be as it was before this batch.
            "generation": item.generation,
            "provider_failures": item.next_provider_failures,
            "pinned_provider": item.pinned_provider,
        }
        messages.append(message.model_copy(update=left_off))
    await leave_to_relay(connection, messages)


def _whole_state(states: Sequence[DeliveryState]) -> dict[str, str | None]:
    status = notification_status(state.status for state in states)
    reason = next((state.reason for state in states if state.status is status), None)
    erasure = erasure_of([state.status for state in states])
    return {"status": status.value, "reason": reason, "erasure": erasure.value}

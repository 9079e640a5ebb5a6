"""Merges the workers' events into the history, a batch in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.tables import deliveries, events, notifications
from api_gateway.domain.delivery_state import DeliveryState, merge, notification_status
from api_gateway.domain.identifiers import parse_notification_id
from api_gateway.usecases.ports import UnstorableOutcomesError
from contracts.notification import NotificationStatus
from contracts.outcome import STATUS_AFTER, DeliveryOutcome
from servicekit.database import Database

# https://www.postgresql.org/docs/current/errcodes-appendix.html: data exceptions (too long, out of
# range, NUL) and violated constraints; the same again at every try.
_REFUSED_VALUES: Final = ("22", "23")


class PostgresOutcomeRecorder:
    """Implements `usecases.ports.OutcomeRecorder`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, outcomes: Sequence[DeliveryOutcome]) -> set[UUID]:
        """Merge events into the state; returns the ids of those that belong to nothing."""
        try:
            async with self._database.transaction() as connection:
                states = await _locked_states(connection, outcomes)
                known = [item for item in outcomes if _is_known(item, states)]
                if known:
                    await _add_events(connection, known)
                    await _merge_into(connection, states, known)
        except DBAPIError as error:
            state = str(getattr(error.orig, "sqlstate", ""))
            if state.startswith(_REFUSED_VALUES):
                msg = f"PostgreSQL refused an event: SQLSTATE {state}"
                raise UnstorableOutcomesError(msg) from error
            raise
        return {item.event_id for item in outcomes} - {item.event_id for item in known}


def _is_known(outcome: DeliveryOutcome, states: dict[UUID, Row[Any]]) -> bool:
    row = states.get(outcome.delivery_id)
    return row is not None and row.notification_id == parse_notification_id(outcome.notification_id)


async def _locked_states(
    connection: AsyncConnection, outcomes: Sequence[DeliveryOutcome]
) -> dict[UUID, Row[Any]]:
    # Notifications first and in one order, so that two relays cannot lock each other out, and so
    # that the state of a notification is derived from all of its deliveries at once.
    ids = {parse_notification_id(item.notification_id) for item in outcomes} - {None}
    await connection.execute(
        select(notifications.c.id)
        .where(notifications.c.id.in_(ids))
        .order_by(notifications.c.id)
        .with_for_update()
    )
    rows = await connection.execute(
        select(deliveries).where(deliveries.c.notification_id.in_(ids)).order_by(deliveries.c.id)
    )
    return {row.id: row for row in rows}


async def _add_events(connection: AsyncConnection, outcomes: Iterable[DeliveryOutcome]) -> None:
    rows = [
        {
            "id": item.event_id,
            "notification_id": parse_notification_id(item.notification_id),
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
    await connection.execute(insert(events).on_conflict_do_nothing(), rows)


async def _merge_into(
    connection: AsyncConnection, rows: dict[UUID, Row[Any]], outcomes: Iterable[DeliveryOutcome]
) -> None:
    merged = {delivery_id: _state(row) for delivery_id, row in rows.items()}
    for item in outcomes:
        merged[item.delivery_id] = merge(merged[item.delivery_id], item)
    changed = {
        delivery_id for delivery_id, state in merged.items() if state != _state(rows[delivery_id])
    }
    for delivery_id in sorted(changed):
        await connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id)
            .values(_columns(merged[delivery_id]))
        )
    by_notification: dict[UUID, list[DeliveryState]] = defaultdict(list)
    for delivery_id, row in rows.items():
        by_notification[row.notification_id].append(merged[delivery_id])
    for notification_id in sorted({rows[delivery_id].notification_id for delivery_id in changed}):
        states = by_notification[notification_id]
        status = notification_status(state.status for state in states)
        reason = next((state.reason for state in states if state.status is status), None)
        await connection.execute(
            update(notifications)
            .where(notifications.c.id == notification_id)
            .values(status=status.value, reason=reason, updated_at=func.now())
        )


def _state(row: Row[Any]) -> DeliveryState:
    return DeliveryState(
        status=NotificationStatus(row.status),
        attempts=row.attempts,
        generation=row.generation,
        rank=row.rank,
        event_at=row.event_at,
        event_id=row.event_id,
        provider=row.provider,
        provider_message_id=row.provider_message_id,
        reason=row.reason,
    )


def _columns(state: DeliveryState) -> dict[str, Any]:
    return {
        "status": state.status.value,
        "attempts": state.attempts,
        "generation": state.generation,
        "rank": state.rank,
        "event_at": state.event_at,
        "event_id": state.event_id,
        "provider": state.provider,
        "provider_message_id": state.provider_message_id,
        "reason": state.reason,
    }

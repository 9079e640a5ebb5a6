"""The statements by which events change history and state; each takes any number of rows."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    DateTime,
    Float,
    Integer,
    Interval,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.types import TypeEngine

from api_gateway.adapters.tables import deliveries, events, notifications
from api_gateway.adapters.unnested import unnested
from api_gateway.domain.erasure import REPLAYABLE_FOR, Erasure
from api_gateway.domain.silence import FARTHEST_ATTEMPT

_TYPES: Final[dict[type[object], TypeEngine[Any]]] = {
    UUID: Uuid(),
    str: Text(),
    int: Integer(),
    float: Float(),
    bool: Boolean(),
    datetime: DateTime(timezone=True),
}


def _table(name: str, **columns: type[object]) -> Any:
    return unnested(name, {key: _TYPES[kind] for key, kind in columns.items()})


def among_ids(notification_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether a row belongs to one of the notifications of `id_arguments`."""
    return and_(
        notification_id == any_(bindparam("ids", type_=ARRAY(Uuid()))),
        between_ids(notification_id),
    )


def between_ids(notification_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Keeps other months out: a plan that is to serve any list or join would look into all."""
    return notification_id.between(
        bindparam("first_id", type_=Uuid()), bindparam("last_id", type_=Uuid())
    )


def id_arguments(ids: Iterable[UUID]) -> dict[str, Any]:
    """The parameters by which statements find these notifications and what belongs to them."""
    ordered = sorted(ids)
    first, last = (ordered[0], ordered[-1]) if ordered else (None, None)
    return {"ids": ordered, "first_id": first, "last_id": last}


# Notifications first and in one order, so that two relays cannot lock each other out, and so that
# the state of a notification is derived from all of its deliveries at once.
LOCK_NOTIFICATIONS: Final = (
    select(notifications.c.id)
    .where(among_ids(notifications.c.id))
    .order_by(notifications.c.id)
    .with_for_update()
)
SELECT_DELIVERIES: Final = select(deliveries).where(among_ids(deliveries.c.notification_id))
SELECT_NOTIFICATIONS: Final = select(notifications).where(among_ids(notifications.c.id))

EVENT: Final = _table(
    "event",
    id=UUID,
    notification_id=UUID,
    delivery_id=UUID,
    kind=str,
    status=str,
    at=datetime,
    generation=int,
    attempt=int,
    provider=str,
    provider_message_id=str,
    reply_code=str,
    latency_ms=float,
    reason=str,
    detail=str,
    next_attempt_at=datetime,
)
ADD_EVENTS: Final = (
    insert(events)
    .from_select(EVENT.c.keys(), select(EVENT))
    .on_conflict_do_nothing()
    .returning(events.c.id)
)

STATE: Final = _table(
    "state",
    notification_id=UUID,
    id=UUID,
    status=str,
    attempts=int,
    generation=int,
    rank=int,
    event_at=datetime,
    event_id=UUID,
    provider=str,
    provider_message_id=str,
    reason=str,
    is_news=bool,
    next_attempt_at=datetime,
)
STATE_COLUMNS: Final = tuple(
    column.name
    for column in STATE.c
    if column.name not in {"notification_id", "id", "is_news", "next_attempt_at"}
)
MOVE_DELIVERIES: Final = (
    update(deliveries)
    .where(
        deliveries.c.notification_id == STATE.c.notification_id,
        deliveries.c.id == STATE.c.id,
        between_ids(deliveries.c.notification_id),
    )
    .values(
        **{key: STATE.c[key] for key in STATE_COLUMNS},
        reconcile_at=case(
            (
                STATE.c.is_news,
                func.least(
                    func.greatest(func.now(), STATE.c.next_attempt_at),
                    # Near the calendar's end the sum would be a time that Python cannot read.
                    func.now() + FARTHEST_ATTEMPT,
                    type_=_TYPES[datetime],
                )
                + bindparam("reconcile_after", type_=Interval()),
            ),
            else_=deliveries.c.reconcile_at,
        ),
    )
)

WHOLE: Final = _table("whole", id=UUID, status=str, reason=str, erasure=str)
MOVE_NOTIFICATIONS: Final = (
    update(notifications)
    .where(notifications.c.id == WHOLE.c.id, between_ids(notifications.c.id))
    .values(
        status=WHOLE.c.status,
        reason=WHOLE.c.reason,
        updated_at=func.now(),
        # Here, because the row is written anyway.
        variables=case(
            (WHOLE.c.erasure == Erasure.NOW.value, cast({}, JSONB)),
            else_=notifications.c.variables,
        ),
        erase_at=case(
            (
                WHOLE.c.erasure == Erasure.LATER.value,
                func.coalesce(notifications.c.erase_at, func.now() + REPLAYABLE_FOR),
            )
        ),
    )
)

"""The one statement that stores any number of notifications with all that belongs to them.

One statement is one transaction and one round trip, and its text is the same for one notification
and for a thousand. Written in SQL, because the arrays go to the driver as they are: through
SQLAlchemy's types they would cost more than all the rest of accepting.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from api_gateway.adapters.outbox_rows import OutboxRow
from api_gateway.domain.erasure import NEVER_SENT_AGAIN
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import NewNotification

# Texts are of no bounded type here: a cast would cut what is too long, storing it is refused.
_UUID, _TEXT, _INT, _TIME, _BOOL, _BYTES = "uuid", "text", "int", "timestamptz", "bool", "bytea"

_KEY: Final = {
    "caller": _TEXT,
    "request_id": _TEXT,
    "fingerprint": _TEXT,
    "notification_id": _UUID,
    "status": _TEXT,
    "error": _TEXT,
    "created_at": _TIME,
}
_NOTIFICATION: Final = {
    "id": _UUID,
    "client_id": _TEXT,
    "request_id": _TEXT,
    "notification_type": _TEXT,
    "user_id": _UUID,
    "template_code": _TEXT,
    "template_version": _INT,
    "language": _TEXT,
    "category": _TEXT,
    "priority": _INT,
    "status": _TEXT,
    "reason": _TEXT,
    "variables": _TEXT,
    "metadata": _TEXT,
    "correlation_id": _TEXT,
    "created_at": _TIME,
    "expires_at": _TIME,
    "ambiguous": _TEXT,
    "traceparent": _TEXT,
    "batch_id": _UUID,
    "requested_language": _TEXT,
    "requested_priority": _INT,
    "scheduled_at": _TIME,
    "has_key": _BOOL,
    "note": _TEXT,
}
_DELIVERY: Final = {
    "id": _UUID,
    "notification_id": _UUID,
    "recipient": _TEXT,
    "device_kind": _TEXT,
    "routing_key": _TEXT,
    "body": _BYTES,
    "correlation_id": _TEXT,
}
_NOT_STORED: Final = {"has_key", "note"}


def _statement() -> str:
    first = 1
    tables = []
    for name, columns in (("k", _KEY), ("n", _NOTIFICATION), ("d", _DELIVERY)):
        arrays = ", ".join(f"${first + at}::{kind}[]" for at, kind in enumerate(columns.values()))
        tables.append(f"unnest({arrays}) AS {name}({', '.join(columns)})")
        first += len(columns)
    keys, notifications, deliveries = tables
    stored = [name for name in _NOTIFICATION if name not in _NOT_STORED]
    chosen = [
        f"n.{name}::jsonb" if name in {"variables", "metadata"} else f"n.{name}" for name in stored
    ]
    replaced = [name for name in _KEY if name not in {"caller", "request_id"}]
    # S608: the names are ours, and every value is a parameter.
    return f"""
WITH taken AS (
    INSERT INTO idempotency_keys AS held ({", ".join(_KEY)}, expires_at)
    SELECT {", ".join(f"k.{name}" for name in _KEY)}, now() + ${first} FROM {keys}
    -- In one order, so that two groups cannot wait for each other.
    ORDER BY k.caller, k.request_id
    ON CONFLICT (caller, request_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in (*replaced, "expires_at"))}
        WHERE held.expires_at < now()
    RETURNING notification_id
), accepted AS (
    SELECT * FROM {notifications}
    WHERE NOT n.has_key OR n.id IN (SELECT notification_id FROM taken)
), stored AS (
    INSERT INTO notifications ({", ".join(stored)}, updated_at, release_at)
    SELECT {", ".join(chosen)}, n.created_at, n.scheduled_at FROM accepted AS n
), reached AS (
    SELECT d.* FROM {deliveries} JOIN accepted ON accepted.id = d.notification_id
), delivered AS (
    INSERT INTO deliveries
        (id, notification_id, recipient, device_kind, status, attempts, generation, rank,
         reconcile_at)
    SELECT id, notification_id, recipient, device_kind, 'pending', 0, 0, -1, now() + ${first + 1}
    FROM reached
), told AS (
    -- The first event of a notification has its id.
    INSERT INTO notification_events
        (id, notification_id, kind, status, at, generation, attempt, reason, detail,
         next_attempt_at)
    SELECT id, id, CASE status WHEN 'pending' THEN 'accepted' ELSE status END, status, created_at,
        0, 0, reason, note, scheduled_at
    FROM accepted
), queued AS (
    INSERT INTO outbox (delivery_id, routing_key, body, correlation_id, leased_until)
    SELECT id, routing_key, body, correlation_id, now() + ${first + 2} FROM reached
    RETURNING delivery_id, id
)
SELECT id, NULL::bigint AS outbox_id FROM accepted
UNION ALL SELECT delivery_id, id FROM queued
"""  # noqa: S608


STORE: Final = _statement()
"""Returns the ids of the notifications stored, and of each delivery its outbox row."""


def store_arguments(
    items: Sequence[NewNotification], rows: Sequence[Sequence[OutboxRow]]
) -> list[Any]:
    """The arrays that `STORE` takes, without the three intervals at its end.

    Args:
        items: No key twice among them.
        rows: The outbox rows of each item's deliveries.
    """
    keyed = [(item.key, item) for item in items if item.key is not None]
    deliveries = [
        (one.id, item.notification.id, one.recipient, one.device_kind, *row)
        for item, its_rows in zip(items, rows, strict=True)
        for one, row in zip(item.notification.deliveries, its_rows, strict=True)
    ]
    return [
        *_columns(_KEY, [_key_row(key, item) for key, item in keyed]),
        *_columns(_NOTIFICATION, [_notification_row(item) for item in items]),
        *_columns(_DELIVERY, deliveries),
    ]


def _columns(names: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
    return list(zip(*rows, strict=True)) if rows else [()] * len(names)


def _key_row(key: IdempotencyKey, item: NewNotification) -> tuple[Any, ...]:
    acceptance = item.acceptance
    return (
        key.caller,
        key.request_id,
        item.fingerprint,
        acceptance.notification_id,
        acceptance.status,
        acceptance.error,
        acceptance.created_at,
    )


def _notification_row(item: NewNotification) -> tuple[Any, ...]:
    one = item.notification
    return (
        one.id,
        one.client_id,
        one.request_id,
        one.notification_type,
        one.user_id,
        one.template_code,
        one.template_version,
        one.language,
        one.category,
        one.priority,
        one.status,
        one.reason,
        _json({} if one.status in NEVER_SENT_AGAIN else one.variables),
        _json(one.metadata),
        one.correlation_id,
        one.created_at,
        one.expires_at,
        one.ambiguous,
        one.traceparent,
        one.batch_id,
        one.requested_language,
        one.requested_priority,
        one.scheduled_at,
        item.key is not None,
        item.note,
    )


def _json(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()

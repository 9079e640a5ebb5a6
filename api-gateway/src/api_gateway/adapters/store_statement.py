"""The one statement that stores any number of notifications with all that belongs to them.

One statement is one transaction and one round trip, and its text is the same for one notification
and for a thousand.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from api_gateway.adapters.array_statements import (
    BOOL,
    DELIVERY,
    INT,
    TEXT,
    TIME,
    UUID_,
    columns_of,
    delivery_arrays,
    store_deliveries,
    unnest,
)
from api_gateway.adapters.outbox_rows import OutboxRow
from api_gateway.domain.erasure import NEVER_SENT_AGAIN
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import NewNotification

_KEY: Final = {
    "caller": TEXT,
    "request_id": TEXT,
    "fingerprint": TEXT,
    "notification_id": UUID_,
    "status": TEXT,
    "error": TEXT,
    "created_at": TIME,
}
_NOTIFICATION: Final = {
    "id": UUID_,
    "client_id": TEXT,
    "request_id": TEXT,
    "notification_type": TEXT,
    "user_id": UUID_,
    "template_code": TEXT,
    "template_version": INT,
    "language": TEXT,
    "category": TEXT,
    "priority": INT,
    "status": TEXT,
    "reason": TEXT,
    "variables": TEXT,
    "metadata": TEXT,
    "correlation_id": TEXT,
    "created_at": TIME,
    "expires_at": TIME,
    "ambiguous": TEXT,
    "traceparent": TEXT,
    "batch_id": UUID_,
    "requested_language": TEXT,
    "requested_priority": INT,
    "scheduled_at": TIME,
    "has_key": BOOL,
    "note": TEXT,
}
_NOT_STORED: Final = {"has_key", "note"}


def _statement() -> str:
    at_notifications, at_deliveries = 1 + len(_KEY), 1 + len(_KEY) + len(_NOTIFICATION)
    last = at_deliveries + len(DELIVERY) + 2
    stored = [name for name in _NOTIFICATION if name not in _NOT_STORED]
    chosen = [
        f"n.{name}::jsonb" if name in {"variables", "metadata"} else f"n.{name}" for name in stored
    ]
    replaced = [name for name in _KEY if name not in {"caller", "request_id"}]
    # S608: the names are ours, and every value is a parameter.
    return f"""
WITH taken AS (
    INSERT INTO idempotency_keys AS held ({", ".join(_KEY)}, expires_at)
    SELECT {", ".join(f"k.{name}" for name in _KEY)}, now() + ${last}
    FROM {unnest("k", _KEY, 1)}
    -- In one order, so that two groups cannot wait for each other.
    ORDER BY k.caller, k.request_id
    ON CONFLICT (caller, request_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in (*replaced, "expires_at"))}
        WHERE held.expires_at < now()
    RETURNING notification_id
), accepted AS (
    SELECT * FROM {unnest("n", _NOTIFICATION, at_notifications)}
    WHERE NOT n.has_key OR n.id IN (SELECT notification_id FROM taken)
), stored AS (
    INSERT INTO notifications ({", ".join(stored)}, updated_at, release_at)
    SELECT {", ".join(chosen)}, n.created_at, n.scheduled_at FROM accepted AS n
), told AS (
    -- The first event of a notification has its id.
    INSERT INTO notification_events
        (id, notification_id, kind, status, at, generation, attempt, reason, detail,
         next_attempt_at)
    SELECT id, id, CASE status WHEN 'pending' THEN 'accepted' ELSE status END, status, created_at,
        0, 0, reason, note, scheduled_at
    FROM accepted
), {store_deliveries("accepted", at_deliveries)}
SELECT id, NULL::bigint AS outbox_id FROM accepted
UNION ALL SELECT delivery_id, id FROM queued
"""  # noqa: S608


STORE: Final = _statement()
"""Returns the ids of the notifications stored, and of each delivery its outbox row."""


def store_arguments(
    items: Sequence[NewNotification], rows: Sequence[Sequence[OutboxRow]]
) -> list[Any]:
    """The arrays that `STORE` takes, without the three intervals at its end.

    Those are for how long a delivery may be silent, a row is leased, and a key is valid.

    Args:
        items: No key twice among them.
        rows: The outbox rows of each item's deliveries.
    """
    keyed = [(item.key, item) for item in items if item.key is not None]
    return [
        *columns_of(_KEY, [_key_row(key, item) for key, item in keyed]),
        *columns_of(_NOTIFICATION, [_notification_row(item) for item in items]),
        *delivery_arrays(
            [item.notification for item in items], rows, [item.at_once for item in items]
        ),
    ]


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

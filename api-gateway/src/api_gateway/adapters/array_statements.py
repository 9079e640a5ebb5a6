"""SQL that takes any number of rows as one array per column, written by hand.

For the statements of the hot path: the arrays go to the driver as they are, where through
SQLAlchemy's types they would cost more than all the rest. Others use `unnested`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api_gateway.adapters.outbox_rows import OutboxRow
from api_gateway.domain.notification import Notification

# Texts are of no bounded type here: a cast would cut what is too long, storing it is refused.
UUID_, TEXT, INT, TIME, BOOL, BYTES = "uuid", "text", "int", "timestamptz", "bool", "bytea"

DELIVERY: Final = {
    "id": UUID_,
    "notification_id": UUID_,
    "recipient": TEXT,
    "device_kind": TEXT,
    "routing_key": TEXT,
    "body": BYTES,
    "correlation_id": TEXT,
    "client_id": TEXT,
    "at_once": BOOL,
}


def unnest(name: str, columns: Mapping[str, str], first: int) -> str:
    """A table out of the parameters from number `first` on."""
    arrays = ", ".join(f"${first + at}::{kind}[]" for at, kind in enumerate(columns.values()))
    return f"unnest({arrays}) AS {name}({', '.join(columns)})"


def columns_of(names: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
    """The arrays that fill a table of `unnest`."""
    return list(zip(*rows, strict=True)) if rows else [()] * len(names)


def store_deliveries(source: str, first: int) -> str:
    """Common table expressions that store deliveries and their outbox rows.

    `queued` returns of each delivery its outbox row.

    Args:
        source: Has the ids of the notifications whose deliveries are stored.
        first: Number of the first parameter: the arrays of `DELIVERY`, then the intervals for
            which a delivery may be silent, and for which the row of one that is published at once
            is leased.
    """
    silent = first + len(DELIVERY)
    return f"""reached AS (
    SELECT d.* FROM {unnest("d", DELIVERY, first)}
    JOIN {source} ON {source}.id = d.notification_id
), delivered AS (
    INSERT INTO deliveries
        (id, notification_id, recipient, device_kind, status, attempts, generation, rank,
         reconcile_at)
    SELECT id, notification_id, recipient, device_kind, 'pending', 0, 0, -1, now() + ${silent}
    FROM reached
), queued AS (
    INSERT INTO outbox (delivery_id, routing_key, body, correlation_id, client_id, leased_until)
    SELECT id, routing_key, body, correlation_id, client_id,
        CASE WHEN at_once THEN now() + ${silent + 1} ELSE '-infinity' END
    FROM reached
    RETURNING delivery_id, id
)"""  # noqa: S608 - the names are ours, and every value is a parameter


def delivery_arrays(
    notifications: Sequence[Notification],
    rows: Sequence[Sequence[OutboxRow]],
    at_once: Sequence[bool],
) -> Sequence[Any]:
    """The arrays of `DELIVERY`.

    Args:
        notifications: Whose deliveries they are.
        rows: The outbox rows of each one's deliveries.
        at_once: Of each one, whether they are published at once, or wait for their turn.
    """
    return columns_of(
        DELIVERY,
        [
            (
                *(one.id, notification.id, one.recipient, one.device_kind, *row),
                *(notification.client_id, goes_at_once),
            )
            for notification, its_rows, goes_at_once in zip(
                notifications, rows, at_once, strict=True
            )
            for one, row in zip(notification.deliveries, its_rows, strict=True)
        ],
    )

"""Stores an accepted notification with all that belongs to it, in one transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from api_gateway.adapters.outbox_rows import outbox_row
from api_gateway.adapters.tables import deliveries, events, idempotency_keys, notifications, outbox
from api_gateway.domain.notification import Acceptance, Delivery, Notification
from api_gateway.domain.request import IdempotencyKey
from api_gateway.domain.silence import RECONCILE_AFTER
from api_gateway.usecases.ports import OutboxMessage, Stored, StoredRequest
from contracts.delivery_message import DeliveryMessage
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus
from servicekit.database import Database

KEY_VALID: Final = timedelta(hours=24)
BORN_LEASED: Final = timedelta(seconds=5)
"""So long the gateway may take to publish what it stored, before the relay does."""

ACCEPTED_EVENT: Final = "accepted"
SUPPRESSED_EVENT: Final = "suppressed"
SCHEDULED_EVENT: Final = "scheduled"
_FIRST_EVENT: Final = {
    NotificationStatus.PENDING: ACCEPTED_EVENT,
    NotificationStatus.SCHEDULED: SCHEDULED_EVENT,
    NotificationStatus.SUPPRESSED: SUPPRESSED_EVENT,
}


class PostgresNotificationStore:
    """Implements `usecases.ports.NotificationStore`.

    Args:
        database: The gateway's.
        reconcile_after: How long a delivery may be silent at first.
    """

    def __init__(self, database: Database, *, reconcile_after: timedelta = RECONCILE_AFTER) -> None:
        self._database = database
        self._reconcile_after = reconcile_after

    async def store(
        self,
        notification: Notification,
        messages: Sequence[DeliveryMessage],
        acceptance: Acceptance,
        key: IdempotencyKey | None,
        fingerprint: str,
    ) -> Stored | StoredRequest:
        """Store all of it, or return what was stored under this key before."""
        async with self._database.transaction() as connection:
            if key is not None:
                # The first statement, because it alone may wait: for an equal request's commit.
                earlier = await _take_key(connection, key, fingerprint, acceptance)
                if earlier is not None:
                    return earlier
            await connection.execute(insert(notifications).values(_notification_row(notification)))
            if notification.deliveries:
                await connection.execute(
                    insert(deliveries).values(reconcile_at=func.now() + self._reconcile_after),
                    [_delivery_row(notification.id, item) for item in notification.deliveries],
                )
            await connection.execute(insert(events).values(_first_event(notification)))
            return Stored(acceptance, await _fill_outbox(connection, messages))

    async def find_request(self, key: IdempotencyKey) -> StoredRequest | None:
        """What was stored under this key, if it has not expired."""
        async with self._database.transaction() as connection:
            return await _find_key(connection, key)


async def _take_key(
    connection: AsyncConnection, key: IdempotencyKey, fingerprint: str, acceptance: Acceptance
) -> StoredRequest | None:
    values = {
        "fingerprint": fingerprint,
        "notification_id": acceptance.notification_id,
        "status": acceptance.status.value,
        "error": acceptance.error,
        "created_at": acceptance.created_at,
        "expires_at": func.now() + KEY_VALID,
    }
    taken = await connection.execute(
        upsert(idempotency_keys)
        .values(caller=key.caller, request_id=key.request_id, **values)
        .on_conflict_do_update(
            index_elements=["caller", "request_id"],
            set_=values,
            where=idempotency_keys.c.expires_at < func.now(),
        )
        .returning(idempotency_keys.c.caller)
    )
    return None if taken.first() is not None else await _find_key(connection, key)


async def _find_key(connection: AsyncConnection, key: IdempotencyKey) -> StoredRequest | None:
    row = (
        await connection.execute(
            select(idempotency_keys).where(
                and_(
                    idempotency_keys.c.caller == key.caller,
                    idempotency_keys.c.request_id == key.request_id,
                    idempotency_keys.c.expires_at >= func.now(),
                )
            )
        )
    ).first()
    if row is None:
        return None
    acceptance = Acceptance(
        row.notification_id,
        NotificationStatus(row.status),
        row.created_at,
        ErrorCode(row.error) if row.error else None,
    )
    return StoredRequest(row.fingerprint, acceptance)


async def _fill_outbox(
    connection: AsyncConnection, messages: Sequence[DeliveryMessage]
) -> tuple[OutboxMessage, ...]:
    stored = []
    for message in messages:
        row = outbox_row(message)
        row_id = await connection.scalar(
            insert(outbox)
            .values(**row, leased_until=func.now() + BORN_LEASED)
            .returning(outbox.c.id)
        )
        assert row_id is not None
        stored.append(OutboxMessage(row_id, **row))
    return tuple(stored)


def _notification_row(notification: Notification) -> dict[str, Any]:
    columns = (column.name for column in notifications.c)
    row = {name: getattr(notification, name) for name in columns if name != "release_at"}
    row["release_at"] = notification.scheduled_at
    row["notification_type"] = notification.notification_type.value
    row["status"] = notification.status.value
    row["ambiguous"] = notification.ambiguous.value
    return row


def _delivery_row(notification_id: UUID, delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "notification_id": notification_id,
        "recipient": delivery.recipient,
        "device_kind": delivery.device_kind.value if delivery.device_kind else None,
        "status": delivery.status.value,
        "attempts": 0,
        "generation": 0,
        "rank": -1,
    }


def _first_event(notification: Notification) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "notification_id": notification.id,
        "kind": _FIRST_EVENT[notification.status],
        "status": notification.status.value,
        "at": notification.created_at,
        "generation": 0,
        "attempt": 0,
        "reason": notification.reason,
        "next_attempt_at": notification.scheduled_at,
    }

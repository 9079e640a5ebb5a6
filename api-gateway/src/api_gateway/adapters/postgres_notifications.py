"""Stores accepted notifications with all that belongs to them, any number in one transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.outbox_rows import outbox_messages, outbox_row
from api_gateway.adapters.store_statement import STORE, store_arguments
from api_gateway.adapters.tables import batches, idempotency_keys
from api_gateway.domain.batch import Batch
from api_gateway.domain.notification import Acceptance
from api_gateway.domain.request import IdempotencyKey
from api_gateway.domain.silence import RECONCILE_AFTER
from api_gateway.usecases.ports import (
    NewNotification,
    Stored,
    StoredRequest,
    Unstorable,
)
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus
from servicekit.database import Database, DatabaseUnavailableError
from servicekit.logs import get_logger

_log = get_logger(__name__)

KEY_VALID: Final = timedelta(hours=24)
BORN_LEASED: Final = timedelta(seconds=5)
"""So long the gateway may take to publish what it stored, before the relay does."""

_KEYS: Final = idempotency_keys.c


class PostgresNotificationStore:
    """Implements `NotificationStore` and `BatchStore` of `usecases.ports`.

    `GroupCommit` in front of it makes one transaction of many single requests.

    Args:
        database: The gateway's.
        reconcile_after: How long a delivery may be silent at first.
    """

    def __init__(self, database: Database, *, reconcile_after: timedelta = RECONCILE_AFTER) -> None:
        self._database = database
        self._reconcile_after = reconcile_after

    async def store(self, new: NewNotification) -> Stored | StoredRequest:
        """Store one in a transaction of its own."""
        return (await self.store_all([new]))[0]

    async def store_all(self, items: Sequence[NewNotification]) -> list[Stored | StoredRequest]:
        """Store all of them in one transaction, but for those whose key was used before.

        Args:
            items: No key twice among them.

        Returns:
            In the order of the items; for a key that was used before, what was stored then.

        Raises:
            DatabaseUnavailableError: None was stored, as far as can be known.
            DBAPIError: PostgreSQL refuses a value of one of them; none was stored.
        """
        async with self._database.statement() as connection:
            return await self._store_on(connection, items)

    async def store_batch(
        self, batch: Batch, items: Sequence[NewNotification]
    ) -> list[Stored | StoredRequest | Unstorable]:
        """Store a batch and its notifications in one transaction."""
        try:
            async with self._database.transaction() as connection:
                await connection.execute(_put_batch(batch))
                return [*await self._store_on(connection, items)]
        except DBAPIError as error:
            # A value that PostgreSQL refuses spoils them all; only whose it is must suffer.
            _log.warning("store.batch_refused", count=len(items), error=type(error.orig).__name__)
        async with self._database.transaction() as connection:
            await connection.execute(_put_batch(batch))
        return [await self._store_or_refuse(item) for item in items]

    async def correct_batch(self, batch: Batch, rejected: int) -> None:
        """Say how many were rejected in the end, where it was stored with another number."""
        async with self._database.statement() as connection:
            await connection.execute(
                update(batches)
                .where(batches.c.id == batch.id, batches.c.rejected == batch.rejected)
                .values(rejected=rejected)
            )

    async def find_requests(
        self, keys: Sequence[IdempotencyKey]
    ) -> dict[IdempotencyKey, StoredRequest]:
        """What was stored under those of these keys that are in force."""
        async with self._database.statement() as connection:
            return await _find_requests(connection, keys, _KEYS.expires_at >= func.now())

    async def _store_or_refuse(self, item: NewNotification) -> Stored | StoredRequest | Unstorable:
        try:
            return await self.store(item)
        except DatabaseUnavailableError as error:
            return Unstorable(error.message, is_passing=True)
        except DBAPIError as error:
            return Unstorable(type(error.orig).__name__)

    async def _store_on(
        self, connection: AsyncConnection, items: Sequence[NewNotification]
    ) -> list[Stored | StoredRequest]:
        rows = [tuple(outbox_row(message) for message in item.messages) for item in items]
        arguments = store_arguments(items, rows)
        intervals = (self._reconcile_after, BORN_LEASED, KEY_VALID)
        result = await connection.exec_driver_sql(STORE, (*arguments, *intervals))
        outbox_ids: dict[UUID, int | None] = {row.id: row.outbox_id for row in result}
        used = [item.key for item in items if item.key and item.notification.id not in outbox_ids]
        # They were in force a moment ago, which is enough.
        earlier = await _find_requests(connection, used, true()) if used else {}
        return [
            Stored(
                item.acceptance,
                outbox_messages(item.messages, its_rows, outbox_ids) if item.at_once else (),
            )
            if item.notification.id in outbox_ids
            else earlier[_key(item)]
            for item, its_rows in zip(items, rows, strict=True)
        ]

    async def find_request(self, key: IdempotencyKey) -> StoredRequest | None:
        """What was stored under this key, if it has not expired."""
        async with self._database.statement() as connection:
            row = (
                await connection.execute(
                    select(idempotency_keys).where(
                        _KEYS.caller == key.caller,
                        _KEYS.request_id == key.request_id,
                        _KEYS.expires_at >= func.now(),
                    )
                )
            ).first()
        return None if row is None else _stored_request(row)


async def _find_requests(
    connection: AsyncConnection, keys: Sequence[IdempotencyKey], condition: ColumnElement[bool]
) -> dict[IdempotencyKey, StoredRequest]:
    wanted = [(key.caller, key.request_id) for key in keys]
    found = await connection.execute(
        select(idempotency_keys).where(
            tuple_(_KEYS.caller, _KEYS.request_id).in_(wanted), condition
        )
    )
    return {IdempotencyKey(row.caller, row.request_id): _stored_request(row) for row in found}


def _put_batch(batch: Batch) -> Insert:
    """One that is there already is being repeated: what was rejected then may be accepted now.

    The reverse never happens: what is being served, or over a rate, this time was accepted before.
    """
    put = insert(batches).values(vars(batch))
    fewer = func.least(batches.c.rejected, put.excluded.rejected)
    return put.on_conflict_do_update(index_elements=["id"], set_={"rejected": fewer})


def _key(item: NewNotification) -> IdempotencyKey:
    assert item.key is not None, "only what has a key can have been stored before"
    return item.key


def _stored_request(row: "Row[tuple[object, ...]]") -> StoredRequest:
    acceptance = Acceptance(
        row.notification_id,
        NotificationStatus(row.status),
        row.created_at,
        ErrorCode(row.error) if row.error else None,
    )
    return StoredRequest(row.fingerprint, acceptance)

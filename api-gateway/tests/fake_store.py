"""The notification store in memory; `StoreSuite` shows that it behaves as PostgreSQL does."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from api_gateway.domain.batch import Batch
from api_gateway.domain.notification import Notification
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import (
    NewNotification,
    OutboxMessage,
    Stored,
    StoredRequest,
    Unstorable,
)
from contracts.delivery_message import DeliveryMessage
from contracts.names import lane_for


class FakeStore:
    """`error`: raised by the next calls, before anything is stored.

    `unstorable`: codes of templates whose notifications a batch cannot store.
    """

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.batches: dict[UUID, Batch] = {}
        self.unstorable: set[str] = set()
        self.notes: list[str | None] = []
        self.requests: dict[IdempotencyKey, StoredRequest] = {}
        self.error: Exception | None = None
        self._row_ids = itertools.count(1)

    async def store(self, new: NewNotification) -> Stored | StoredRequest:
        if self.error is not None:
            raise self.error
        if new.key is not None and new.key in self.requests:
            return self.requests[new.key]
        self.notifications.append(new.notification)
        self.notes.append(new.note)
        if new.key is not None:
            self.requests[new.key] = StoredRequest(new.fingerprint, new.acceptance)
        rows = tuple(self._row(message) for message in new.messages)
        return Stored(new.acceptance, rows if new.at_once else ())

    async def store_batch(
        self, batch: Batch, items: Sequence[NewNotification]
    ) -> list[Stored | StoredRequest | Unstorable]:
        results: list[Stored | StoredRequest | Unstorable] = []
        for item in items:
            if item.notification.template_code in self.unstorable:
                results.append(Unstorable("DataError"))
            else:
                results.append(await self.store(item))
        earlier = self.batches.get(batch.id, batch)
        fewer = min(earlier.rejected, batch.rejected)
        self.batches[batch.id] = replace(earlier, rejected=fewer)
        return results

    async def correct_batch(self, batch: Batch, rejected: int) -> None:
        stored = self.batches[batch.id]
        if stored.rejected == batch.rejected:
            self.batches[batch.id] = replace(stored, rejected=rejected)

    async def find_requests(
        self, keys: Sequence[IdempotencyKey]
    ) -> dict[IdempotencyKey, StoredRequest]:
        if self.error is not None:
            raise self.error
        return {key: self.requests[key] for key in keys if key in self.requests}

    async def find_request(self, key: IdempotencyKey) -> StoredRequest | None:
        if self.error is not None:
            raise self.error
        return self.requests.get(key)

    def _row(self, message: DeliveryMessage) -> OutboxMessage:
        return OutboxMessage(
            next(self._row_ids),
            lane_for(message.notification_type, message.priority),
            message.model_dump_json(exclude_none=True).encode(),
            message.delivery_id,
            message.correlation_id,
        )

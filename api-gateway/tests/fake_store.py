"""The notification store in memory; `StoreSuite` shows that it behaves as PostgreSQL does."""

import itertools
from collections.abc import Sequence

from api_gateway.domain.notification import Acceptance, Notification
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import OutboxMessage, Stored, StoredRequest
from contracts.delivery_message import DeliveryMessage
from contracts.names import lane_for


class FakeStore:
    """`error`: raised by the next calls, before anything is stored."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.requests: dict[IdempotencyKey, StoredRequest] = {}
        self.error: Exception | None = None
        self._row_ids = itertools.count(1)

    async def store(
        self,
        notification: Notification,
        messages: Sequence[DeliveryMessage],
        acceptance: Acceptance,
        key: IdempotencyKey | None,
        fingerprint: str,
    ) -> Stored | StoredRequest:
        if self.error is not None:
            raise self.error
        if key is not None and key in self.requests:
            return self.requests[key]
        self.notifications.append(notification)
        if key is not None:
            self.requests[key] = StoredRequest(fingerprint, acceptance)
        return Stored(acceptance, tuple(self._row(message) for message in messages))

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

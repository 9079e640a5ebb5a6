"""The named steps of accepting at which a gateway can be told to die.

They lie around the real adapters, and only where a test asks for one: what runs in production has
none of this.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import (
    Looked,
    MessagePublisher,
    NewNotification,
    NotificationStore,
    Outbox,
    OutboxMessage,
    Reservations,
    Reserved,
    Stored,
    StoredRequest,
    Wanted,
)
from servicekit.failpoints import Failpoints


class Failpoint(StrEnum):
    """The steps of accepting, in their order."""

    AFTER_RESERVE = "after_reserve"
    """The key is reserved in Redis; nothing is stored."""
    BEFORE_COMMIT = "before_commit"
    """All is decided; PostgreSQL knows nothing of it."""
    AFTER_COMMIT = "after_commit"
    """It is stored; nobody has been told."""
    BEFORE_PUBLISH = "before_publish"
    """The answer is given, perhaps; nothing is published."""
    AFTER_PUBLISH = "after_publish"
    """The broker has it, and nobody else knows."""
    BEFORE_MARK = "before_mark"
    """We know that the broker has it; the outbox does not."""


class FragileReservations:
    """Reservations; a process may die after one."""

    def __init__(self, reservations: Reservations, failpoints: Failpoints[Failpoint]) -> None:
        self._reservations = reservations
        self._failpoints = failpoints

    async def look_up(self, wanted: Wanted) -> Looked:
        """As `Reservations`."""
        looked = await self._reservations.look_up(wanted)
        if isinstance(looked.key, Reserved):
            self._failpoints.reach(Failpoint.AFTER_RESERVE)
        return looked

    async def answered(self, key: IdempotencyKey, stored: StoredRequest) -> None:
        """As `Reservations`."""
        await self._reservations.answered(key, stored)

    async def release(self, key: IdempotencyKey, reserved: Reserved) -> None:
        """As `Reservations`."""
        await self._reservations.release(key, reserved)


class FragileStore:
    """A store; a process may die around a commit."""

    def __init__(self, store: NotificationStore, failpoints: Failpoints[Failpoint]) -> None:
        self._store = store
        self._failpoints = failpoints

    async def store(self, new: NewNotification) -> Stored | StoredRequest:
        """As `NotificationStore`."""
        self._failpoints.reach(Failpoint.BEFORE_COMMIT)
        stored = await self._store.store(new)
        self._failpoints.reach(Failpoint.AFTER_COMMIT)
        return stored

    async def find_request(self, key: IdempotencyKey) -> StoredRequest | None:
        """As `NotificationStore`."""
        return await self._store.find_request(key)


class FragilePublisher:
    """A publisher; a process may die around a publication."""

    def __init__(self, publisher: MessagePublisher, failpoints: Failpoints[Failpoint]) -> None:
        self._publisher = publisher
        self._failpoints = failpoints

    async def publish(self, messages: Sequence[OutboxMessage]) -> set[int]:
        """As `MessagePublisher`."""
        self._failpoints.reach(Failpoint.BEFORE_PUBLISH)
        confirmed = await self._publisher.publish(messages)
        self._failpoints.reach(Failpoint.AFTER_PUBLISH)
        return confirmed


class FragileOutbox:
    """An outbox; a process may die before a row is deleted."""

    def __init__(self, outbox: Outbox, failpoints: Failpoints[Failpoint]) -> None:
        self._outbox = outbox
        self._failpoints = failpoints

    async def lease(self, room: Mapping[str, int]) -> list[OutboxMessage]:
        """As `Outbox`."""
        return await self._outbox.lease(room)

    async def published(self, ids: Sequence[int]) -> None:
        """As `Outbox`."""
        self._failpoints.reach(Failpoint.BEFORE_MARK)
        await self._outbox.published(ids)

    async def give_back(self, ids: Sequence[int]) -> None:
        """As `Outbox`."""
        await self._outbox.give_back(ids)

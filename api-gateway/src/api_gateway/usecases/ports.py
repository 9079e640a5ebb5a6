"""What accepting and reading need of the outside world, as roles; `adapters/` fills them.

The relay, history, dead letters and explaining have files of their own beside this one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol
from uuid import UUID

from api_gateway.domain.batch import Batch, BatchProgress
from api_gateway.domain.notification import Acceptance, Notification
from api_gateway.domain.notification_filter import NotificationFilter, Visible
from api_gateway.domain.request import IdempotencyKey
from contracts.category import CategoryCatalogue
from contracts.delivery_message import DeliveryMessage
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.versioned_cache import Cached

CachedUser = Cached[UserSnapshot]
CachedTemplate = Cached[TemplateSnapshot]


class UserDirectory(Protocol):
    """Finds users."""

    async def refresh(self, key: UUID, cached: CachedUser | None, /) -> CachedUser | None:
        """The user, or None if there is none; a copy that is not stale is the answer.

        Raises:
            UnavailableError: It cannot be said now.
        """
        ...

    async def find_many(self, keys: Iterable[UUID], /) -> dict[UUID, CachedUser]:
        """Those of them that there are.

        Raises:
            CopiesMissingError: Of some, which it names, it cannot be said now.
        """
        ...


class TemplateDirectory(Protocol):
    """Finds templates."""

    async def refresh(self, key: str, cached: CachedTemplate | None, /) -> CachedTemplate | None:
        """The template, or None if there is none; a copy that is not stale is the answer.

        Raises:
            UnavailableError: It cannot be said now.
        """
        ...

    async def find_many(self, keys: Iterable[str], /) -> dict[str, CachedTemplate]:
        """Those of them that there are.

        Raises:
            CopiesMissingError: Of some, which it names, it cannot be said now.
        """
        ...


class Categories(Protocol):
    """What notifications can be about."""

    async def current(self) -> CategoryCatalogue:
        """The newest catalogue that is known; there always is one."""
        ...


@dataclass(frozen=True)
class OutboxMessage:
    """A delivery's message that waits in the outbox.

    Attributes:
        id: The outbox row.
        routing_key: The lane.
        body: The `DeliveryMessage` as JSON.
        delivery_id: Also the AMQP message id.
        correlation_id: Goes into the AMQP properties.
        may_be_repeated: It may have been published before.
    """

    id: int
    routing_key: str
    body: bytes
    delivery_id: UUID
    correlation_id: str
    may_be_repeated: bool = False


@dataclass(frozen=True)
class StoredRequest:
    """An answer that was given to a request with some key before."""

    fingerprint: str
    acceptance: Acceptance


@dataclass(frozen=True)
class NewNotification:
    """A notification that is to be stored, and what is stored with it.

    Attributes:
        messages: Of its deliveries, in their order.
        acceptance: What its caller is told, now and when they ask again.
        key: What they ask again under.
        fingerprint: Of the request.
        note: Told in the first event of its history.
        at_once: Whether its messages are published at once, or wait for their caller's turn.
    """

    notification: Notification
    messages: tuple[DeliveryMessage, ...]
    acceptance: Acceptance
    key: IdempotencyKey | None
    fingerprint: str
    note: str | None = None
    at_once: bool = True


@dataclass(frozen=True)
class Stored:
    """A notification that has just been stored, and those of its outbox rows that go at once."""

    acceptance: Acceptance
    outbox: tuple[OutboxMessage, ...]


class NotificationStore(Protocol):
    """Where accepted notifications are stored, with everything that belongs to them."""

    async def store(self, new: NewNotification) -> Stored | StoredRequest:
        """Store all of it in one transaction, or return what was stored under this key before.

        Raises:
            DatabaseUnavailableError: Nothing was stored, as far as can be known.
        """
        ...

    async def find_request(self, key: IdempotencyKey) -> StoredRequest | None:
        """What was stored under this key, if it has not expired.

        Raises:
            DatabaseUnavailableError: It cannot be said now.
        """
        ...


@dataclass(frozen=True)
class Unstorable:
    """A notification that was not stored although others were; `reason` is for operators.

    Attributes:
        is_passing: Another time it may be; else PostgreSQL refuses a value for good.
    """

    reason: str
    is_passing: bool = False


class BatchStore(Protocol):
    """Where batches are stored."""

    async def store_batch(
        self, batch: Batch, items: Sequence[NewNotification]
    ) -> list[Stored | StoredRequest | Unstorable]:
        """Store a batch and its notifications in one transaction.

        Args:
            batch: One that is there already keeps its time, and what fewer were rejected.
            items: No key twice among them.

        Returns:
            In the order of the items; for a key that was used before, what was stored then.

        Raises:
            DatabaseUnavailableError: None was stored, as far as can be known.
        """
        ...

    async def correct_batch(self, batch: Batch, rejected: int) -> None:
        """Say how many were rejected in the end, where it was stored with another number.

        Raises:
            DatabaseUnavailableError: It was not corrected, as far as can be known.
        """
        ...

    async def find_requests(
        self, keys: Sequence[IdempotencyKey]
    ) -> Mapping[IdempotencyKey, StoredRequest]:
        """What was stored under those of these keys that are in force.

        Raises:
            DatabaseUnavailableError: It cannot be said now.
        """
        ...


class BatchHistory(Protocol):
    """Reads batches."""

    async def find(self, batch_id: UUID) -> BatchProgress | None:
        """A batch, with the states of its notifications.

        Raises:
            DatabaseUnavailableError: It cannot be said now.
        """
        ...


class KeyState(Protocol):
    """What is known about a key; one of the classes below."""


@dataclass(frozen=True)
class Reserved(KeyState):
    """Nobody else works on this key; `token` proves our right to it."""

    token: str


@dataclass(frozen=True)
class InFlight(KeyState):
    """Another request with this key is being served now."""


@dataclass(frozen=True)
class Answered(KeyState):
    """This key has been answered."""

    stored: StoredRequest


@dataclass(frozen=True)
class Undecided(KeyState):
    """Nothing is known: the reservations are away, and the store decides alone."""


@dataclass(frozen=True)
class Keyless(KeyState):
    """The request has no key: repeating it is another request."""


@dataclass(frozen=True)
class RateState:
    """Where a caller stands with their rate.

    Attributes:
        limit: Notifications a minute, and at once after a quiet minute.
        remaining: How many may follow at once.
        retry_after: Seconds until the next one may come; 0: this one may.
        reset_after: Seconds until all of `limit` may come at once again.
    """

    limit: int
    remaining: int
    retry_after: float
    reset_after: float

    @property
    def headers(self) -> dict[str, str]:
        """The same as draft-ietf-httpapi-ratelimit-headers-11 has it."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w=60',
            "RateLimit": f'"default";r={self.remaining};t={ceil(self.reset_after)}',
        }


@dataclass(frozen=True)
class Wanted:
    """What is looked up for a request.

    Attributes:
        key: To be reserved, where the request has one.
        rate_per_minute: The caller's; None: they have no limit.
    """

    caller: str
    key: IdempotencyKey | None
    user_id: UUID
    template_code: str
    rate_per_minute: int | None = None


@dataclass(frozen=True)
class Looked:
    """What is known of a request at once; copies may be stale or missing.

    Attributes:
        rate: None: nobody counted, for there is no limit or it could not be said.
    """

    key: KeyState
    user: CachedUser | None = None
    template: CachedTemplate | None = None
    rate: RateState | None = None


class Reservations(Protocol):
    """Keeps equal requests apart while the first is served; only makes the store's work cheaper."""

    async def look_up(self, wanted: Wanted) -> Looked:
        """In one step: count the request, reserve its key, find user and template.

        A request that is over its caller's rate reserves nothing.
        """
        ...

    async def answered(self, key: IdempotencyKey, stored: StoredRequest) -> None:
        """Remember the answer for as long as the key is valid."""
        ...

    async def release(self, key: IdempotencyKey, reserved: Reserved) -> None:
        """Free a key whose request was not accepted."""
        ...


class Turns(Protocol):
    """Keeps one caller's flood from delaying what others send."""

    def goes_at_once(self, client_id: str, lane: str) -> bool:
        """Whether one more message of this caller is published at once, which counts.

        Otherwise it waits in the outbox, and a relay publishes it when it is the caller's turn.
        """
        ...


class OutboxPublisher(Turns, Protocol):
    """Publishes outbox rows soon, or leaves them to the relay."""

    def offer(self, messages: Sequence[OutboxMessage]) -> None:
        """Take rows over; never waits."""
        ...


class Admission(Protocol):
    """Says whether there is room for more."""

    def check(self, client_id: str) -> None:
        """Raise when too much is waiting, of this caller or of all.

        Raises:
            RateLimitedError: With `too_many_waiting`.
            UnavailableError: With `overloaded`.
        """
        ...


class NotificationFinder(Protocol):
    """Finds one notification."""

    async def find(self, notification_id: UUID) -> Notification | None:
        """One notification with deliveries and timeline.

        Raises:
            DatabaseUnavailableError: It cannot be said now.
        """
        ...


class History(Protocol):
    """Reads notifications."""

    async def find(self, notification_id: UUID) -> Notification | None:
        """One notification with deliveries and timeline."""
        ...

    async def page(
        self,
        visible: Visible,
        wanted: NotificationFilter,
        *,
        after: UUID | None = None,
        offset: int = 0,
        limit: int,
    ) -> list[Notification]:
        """Notifications, newest first, without variables, deliveries and timeline.

        Args:
            visible: What the caller may see.
            wanted: What they ask for.
            after: Only older ones than this.
            offset: How many of them to pass over.
            limit: How many at most.
        """
        ...

    async def count(self, visible: Visible, wanted: NotificationFilter) -> int:
        """How many there are, exact up to 10,000."""
        ...


class Outbox(Protocol):
    """The rows that wait to be published."""

    async def lease(self, room: Mapping[str, int]) -> list[OutboxMessage]:
        """Take rows that nobody works on, and keep others away from them for a while.

        Args:
            room: About how many may be taken for each lane. The callers who wait there share it
                evenly, each one's oldest first; what one does not use is the next call's.

        Returns:
            In turns: one of each caller, then the next one of each.
        """
        ...

    async def published(self, ids: Sequence[int]) -> None:
        """Forget rows that the broker has confirmed."""
        ...

    async def give_back(self, ids: Sequence[int]) -> None:
        """Let anybody try rows again soon that could not be published."""
        ...


class MessagePublisher(Protocol):
    """Publishes outbox rows to the broker."""

    async def publish(self, messages: Sequence[OutboxMessage]) -> set[int]:
        """Publish all at once; returns the ids of those that the broker confirmed."""
        ...

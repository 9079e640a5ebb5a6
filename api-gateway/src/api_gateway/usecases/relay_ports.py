"""What the relay's use cases need of the outside world, as roles; `adapters/` fills them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from api_gateway.domain.failed_message import NewDeadLetter
from api_gateway.domain.notification import Notification
from api_gateway.domain.release import Release
from contracts.outcome import DeliveryOutcome


class LaneDepths(Protocol):
    """Knows how much waits in the broker."""

    async def ready_counts(self, queues: Sequence[str], /) -> dict[str, int]:
        """Of each lane, the messages that no worker has room for yet.

        Raises:
            UnavailableError: The broker cannot be asked.
        """
        ...


class Schedule(Protocol):
    """The notifications that wait for their time."""

    async def lease_due(self, limit: int) -> list[Notification]:
        """Take those that are due longest, and keep other relays away from them for a while.

        By the database's clock, so that ours may be wrong.

        Raises:
            DatabaseUnavailableError: None was taken, as far as can be known.
        """
        ...

    async def release(self, releases: Sequence[Release]) -> int:
        """Store what became of them, in one transaction; what is no longer waiting is left alone.

        Returns:
            How many outbox rows those that are sent have; they wait for their turn there.

        Raises:
            DatabaseUnavailableError: Nothing was stored, as far as can be known.
        """
        ...

    async def cancel(self, notification_id: UUID) -> bool:
        """Cancel one; returns whether it was still waiting.

        Raises:
            DatabaseUnavailableError: It was not cancelled, as far as can be known.
        """
        ...


class UnstorableOutcomesError(Exception):
    """Among these events is one that the history can never hold; trying again will not help."""


class OutcomeRecorder(Protocol):
    """Takes the workers' events into the history."""

    async def record(self, outcomes: Sequence[DeliveryOutcome]) -> set[UUID]:
        """Merge events into the state, in one transaction; recording them again changes nothing.

        Returns:
            The ids of those events whose notification or delivery does not exist.

        Raises:
            UnstorableOutcomesError: Nothing was recorded.
            DatabaseUnavailableError: Nothing was recorded, as far as can be known.
        """
        ...


class ExpiredKeys(Protocol):
    """The idempotency keys whose time is over."""

    async def delete(self, limit: int) -> int:
        """Delete the oldest of them; returns how many it were.

        Raises:
            DatabaseUnavailableError: None was deleted, as far as can be known.
        """
        ...


class UnstorableLettersError(Exception):
    """Among these dead letters is one that can never be stored as it is."""


class DeadLetterKeeper(Protocol):
    """Where dead letters are kept."""

    async def keep(self, letters: Sequence[NewDeadLetter]) -> int:
        """Store letters and merge their events into the deliveries, in one transaction.

        A letter of the same delivery and generation, or of the same bytes where it is no delivery,
        is stored once. One whose delivery does not exist is stored nevertheless.

        Returns:
            How many of them were new.

        Raises:
            UnstorableLettersError: None was stored.
            DatabaseUnavailableError: None was stored, as far as can be known.
        """
        ...


class SilentDeliveries(Protocol):
    """Deliveries that are pending and of which nothing has been heard for too long."""

    async def publish_again(self, limit: int) -> int:
        """Put those that have been silent longest into the outbox again, and wait anew for them.

        Each is taken by one process only. One that waits in the outbox anyway is left alone.

        Returns:
            How many it were.

        Raises:
            DatabaseUnavailableError: None was, as far as can be known.
        """
        ...


@dataclass(frozen=True)
class DeadLetterBacklog:
    """The dead letters that nobody has decided about.

    Attributes:
        count: How many, exact up to 10,000.
        oldest_seconds: How long the oldest has been waiting; 0: there is none.
    """

    count: int
    oldest_seconds: float


class DeadLetterGauge(Protocol):
    """Measures what waits for an operator."""

    async def measure(self) -> DeadLetterBacklog:
        """Look once.

        Raises:
            DatabaseUnavailableError: It cannot be said now.
        """
        ...

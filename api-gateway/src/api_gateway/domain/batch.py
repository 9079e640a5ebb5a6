"""A batch: notifications that came in one request, and how it goes with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from contracts.notification import NotificationStatus

MAX_ITEMS: Final = 1_000
_LONGEST_KEY: Final = 255 - len("#999")

_OPEN: Final = frozenset({NotificationStatus.PENDING, NotificationStatus.SCHEDULED})
_FAILED: Final = frozenset(
    {
        NotificationStatus.FAILED,
        NotificationStatus.BOUNCED,
        NotificationStatus.EXPIRED,
        NotificationStatus.UNKNOWN,
    }
)


class BatchStatus(StrEnum):
    """How far a batch has come."""

    PROCESSING = "processing"
    """Something of it is still to be sent."""
    COMPLETED = "completed"
    """All is done that was to be done; what its recipients do not want is none of that."""
    PARTIALLY_FAILED = "partially_failed"
    FAILED = "failed"
    """Nothing of it arrived, and something should have."""


@dataclass(frozen=True)
class Batch:
    """A batch as it was asked for.

    Attributes:
        total: Items in the request.
        rejected: Items that were refused, each with an error of its own.
    """

    id: UUID
    client_id: str
    created_at: datetime
    total: int
    rejected: int


@dataclass(frozen=True)
class BatchProgress:
    """A batch, and how many of its notifications stand where."""

    batch: Batch
    counts: Mapping[NotificationStatus, int]

    @property
    def repeated(self) -> int:
        """Items that an earlier request had asked for already, outside this batch."""
        return max(0, self.batch.total - self.batch.rejected - sum(self.counts.values()))

    @property
    def status(self) -> BatchStatus:
        """How far it has come, as one word."""
        if any(self.counts.get(status, 0) for status in _OPEN):
            return BatchStatus.PROCESSING
        failed = self.batch.rejected + sum(self.counts.get(status, 0) for status in _FAILED)
        if not failed:
            return BatchStatus.COMPLETED
        if failed < self.batch.total:
            return BatchStatus.PARTIALLY_FAILED
        return BatchStatus.FAILED


def repeatable_batch_id(caller: str, key: str) -> UUID:
    """The id of a batch that its caller can repeat: the same for the same key."""
    return uuid5(NAMESPACE_OID, f"batch:{caller}:{key}")


def item_key(key: str, number: int) -> str:
    """What an item without an id of its own is repeated under, in a batch that has a key."""
    if len(key) > _LONGEST_KEY:
        key = sha256(key.encode()).hexdigest()
    return f"{key}#{number}"

"""The state of a delivery as a merge of events: order and repetition do not matter.

Every event has a place in the total order (generation, rank, time, id); the greatest decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from contracts.notification import NotificationStatus
from contracts.outcome import STATUS_AFTER, DeliveryOutcome, OutcomeKind

# Attempts rank by their number and below every end; a later end outranks an earlier one, so a
# bounce that overtakes its acceptance in the queue still wins. What the gateway itself concludes
# from a dead letter ranks below every end that a worker reports: the worker knows why.
# Ranks are stored: new kinds take free numbers.
_RANK_OF_END: Final = {
    OutcomeKind.DEAD_LETTERED: 990,
    OutcomeKind.DISCARDED: 991,
    OutcomeKind.SUPPRESSED: 1000,
    OutcomeKind.EXPIRED: 1001,
    OutcomeKind.UNKNOWN: 1002,
    OutcomeKind.FAILED: 1003,
    OutcomeKind.SENT: 1004,
    OutcomeKind.COMPLAINED: 1005,
    OutcomeKind.BOUNCED: 1006,
}
_HIGHEST_ATTEMPT: Final = 989
_BEFORE_ALL: Final = (datetime.min.replace(tzinfo=UTC), UUID(int=0))


@dataclass(frozen=True)
class DeliveryState:
    """Where a delivery stands, and the event that put it there."""

    status: NotificationStatus
    attempts: int = 0
    generation: int = 0
    rank: int = -1
    event_at: datetime | None = None
    event_id: UUID | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    reason: str | None = None

    @property
    def order(self) -> tuple[int, int, datetime, UUID]:
        """Place of the deciding event in the total order."""
        if self.event_at is None or self.event_id is None:
            return (self.generation, self.rank, *_BEFORE_ALL)
        return (self.generation, self.rank, self.event_at, self.event_id)

    @property
    def attempts_of_generation(self) -> int:
        """While it is pending: how many attempts are known of in the present generation."""
        return min(max(self.rank, 0), _HIGHEST_ATTEMPT)


def rank_of(outcome: DeliveryOutcome) -> int:
    """Place of an event within its generation.

    While there is no end this is the number of attempts made: 0 for a replay, and for a deferral
    as many as its next attempt will count. It must never be more: a copy that counts more attempts
    than the original is another attempt to the workers, and is sent beside it.
    """
    if outcome.kind in _RANK_OF_END:
        return _RANK_OF_END[outcome.kind]
    if outcome.kind is OutcomeKind.REPLAYED:
        return 0
    # Without a next one this attempt goes on: a provider was asked in vain, and another is asked.
    ended = outcome.attempt if outcome.next_attempt_at is not None else outcome.attempt - 1
    return min(max(ended, outcome.next_retry_count or 0, 0), _HIGHEST_ATTEMPT)


def merge(state: DeliveryState, outcome: DeliveryOutcome) -> DeliveryState:
    """Take an event in; the result does not depend on what was taken in first, or how often."""
    attempts = max(state.attempts, outcome.attempt)
    order = (outcome.generation, rank_of(outcome), outcome.at, outcome.event_id)
    if order <= state.order:
        return replace(state, attempts=attempts)
    return DeliveryState(
        status=STATUS_AFTER[outcome.kind],
        attempts=attempts,
        generation=outcome.generation,
        rank=rank_of(outcome),
        event_at=outcome.at,
        event_id=outcome.event_id,
        provider=outcome.provider,
        provider_message_id=outcome.provider_message_id,
        reason=outcome.reason,
    )


# When no delivery arrived and none is under way, the one that most needs somebody's eyes speaks.
_MOST_TELLING: Final = (
    NotificationStatus.UNKNOWN,
    NotificationStatus.FAILED,
    NotificationStatus.BOUNCED,
    NotificationStatus.EXPIRED,
    NotificationStatus.SUPPRESSED,
    NotificationStatus.CANCELLED,
)


def notification_status(deliveries: Iterable[NotificationStatus]) -> NotificationStatus:
    """The state of a notification: delivered when one delivery is, else final when all are.

    Args:
        deliveries: The state of each of its deliveries; at least one.
    """
    states = set(deliveries)
    if NotificationStatus.DELIVERED in states:
        return NotificationStatus.DELIVERED
    if states & {NotificationStatus.PENDING, NotificationStatus.SCHEDULED}:
        return NotificationStatus.PENDING
    return next(status for status in _MOST_TELLING if status in states)

"""What a worker reports of a delivery: one event per attempt and one per end."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.notification import NotificationStatus

OUTCOME_VERSION: Final = 1
"""What is written, and the newest that can be read; see `delivery_message.MESSAGE_VERSION`."""
OLDEST_OUTCOME_VERSION: Final = max(1, OUTCOME_VERSION - 1)


class OutcomeKind(StrEnum):
    """What happened; also the last word of the event's routing key."""

    DELIVERY_ATTEMPTED = "delivery_attempted"
    """An attempt failed and another follows."""
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


STATUS_AFTER: Final = {
    OutcomeKind.DELIVERY_ATTEMPTED: NotificationStatus.PENDING,
    OutcomeKind.SENT: NotificationStatus.DELIVERED,
    OutcomeKind.FAILED: NotificationStatus.FAILED,
    OutcomeKind.BOUNCED: NotificationStatus.BOUNCED,
    OutcomeKind.SUPPRESSED: NotificationStatus.SUPPRESSED,
    OutcomeKind.EXPIRED: NotificationStatus.EXPIRED,
    OutcomeKind.UNKNOWN: NotificationStatus.UNKNOWN,
}


class DeliveryOutcome(BaseModel):
    """One event of a delivery's history; repeats carry the same `event_id`.

    Unknown fields are ignored: an older relay reads what a newer worker reports.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = Field(default=OUTCOME_VERSION, ge=OLDEST_OUTCOME_VERSION, le=OUTCOME_VERSION)
    event_id: UUID
    kind: OutcomeKind
    delivery_id: UUID
    notification_id: str
    generation: int = Field(ge=0)
    attempt: int = Field(ge=0, description="Number of the attempt, from 1; 0 where none was made.")
    at: AwareDatetime
    provider: str | None = None
    provider_message_id: str | None = None
    reply_code: str | None = Field(default=None, description="The provider's own: `250`, `404 …`.")
    latency_ms: float | None = Field(default=None, ge=0)
    reason: str | None = Field(
        default=None, description="Stable word for why: `invalid_recipient`."
    )
    detail: str | None = Field(default=None, description="The provider's own words, shortened.")
    next_attempt_at: AwareDatetime | None = None
    correlation_id: str

    @property
    def routing_key(self) -> str:
        """Where it goes on `notification.events`."""
        return outcome_routing_key(self.kind)


def outcome_routing_key(kind: OutcomeKind) -> str:
    """The routing key of this kind of outcome on `notification.events`."""
    return f"notification.{kind.value}"

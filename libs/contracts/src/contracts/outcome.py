"""What is reported of a delivery: one event per attempt and one per end."""

from enum import StrEnum
from typing import Final
from uuid import NAMESPACE_OID, UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.notification import NotificationStatus
from contracts.suppression import SuppressionNotice

OUTCOME_VERSION: Final = 1
"""What is written, and the newest that can be read; see `delivery_message.MESSAGE_VERSION`."""
OLDEST_OUTCOME_VERSION: Final = max(1, OUTCOME_VERSION - 1)


class OutcomeKind(StrEnum):
    """What happened; also the last word of the event's routing key."""

    DELIVERY_ATTEMPTED = "delivery_attempted"
    """An attempt failed and another follows."""
    DEFERRED = "deferred"
    """No attempt was made; there will be one later."""
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    COMPLAINED = "complained"
    """It arrived, and the recipient called it spam."""
    DEAD_LETTERED = "dead_lettered"
    """The gateway keeps it among the dead letters; its `failed` says why, where there is one."""
    REPLAYED = "replayed"
    """An operator sent a dead letter on its way again: the first event of its generation."""
    DISCARDED = "discarded"
    """An operator will not have a dead letter replayed."""


STATUS_AFTER: Final = {
    OutcomeKind.DELIVERY_ATTEMPTED: NotificationStatus.PENDING,
    OutcomeKind.DEFERRED: NotificationStatus.PENDING,
    OutcomeKind.SENT: NotificationStatus.DELIVERED,
    OutcomeKind.FAILED: NotificationStatus.FAILED,
    OutcomeKind.BOUNCED: NotificationStatus.BOUNCED,
    OutcomeKind.SUPPRESSED: NotificationStatus.SUPPRESSED,
    OutcomeKind.EXPIRED: NotificationStatus.EXPIRED,
    OutcomeKind.UNKNOWN: NotificationStatus.UNKNOWN,
    OutcomeKind.COMPLAINED: NotificationStatus.DELIVERED,
    OutcomeKind.DEAD_LETTERED: NotificationStatus.FAILED,
    OutcomeKind.REPLAYED: NotificationStatus.PENDING,
    OutcomeKind.DISCARDED: NotificationStatus.FAILED,
}

REPORTED_KINDS: Final = tuple(
    kind
    for kind in OutcomeKind
    if kind not in {OutcomeKind.DEAD_LETTERED, OutcomeKind.REPLAYED, OutcomeKind.DISCARDED}
)
"""Those that come by `notification.events`; the others are the gateway's own."""
SUPPRESSING_KINDS: Final = (OutcomeKind.FAILED, OutcomeKind.BOUNCED, OutcomeKind.COMPLAINED)
"""Those that can carry a `SuppressionNotice`."""


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
    parked: bool = Field(
        default=False,
        description="No queue holds it: whoever records this publishes it at `next_attempt_at`.",
    )
    next_retry_count: int | None = Field(
        default=None, ge=0, description="`retry_count` of a parked delivery's next attempt."
    )
    next_provider_failures: int = Field(
        default=0, ge=0, description="`provider_failures` of a parked delivery then."
    )
    pinned_provider: str | None = Field(
        default=None, description="The only provider that a parked delivery may be given to then."
    )
    suppression: SuppressionNotice | None = Field(
        default=None, description="Nothing more should be sent to this address."
    )
    correlation_id: str

    @property
    def routing_key(self) -> str:
        """Where it goes on `notification.events`."""
        return outcome_routing_key(self.kind)


def outcome_routing_key(kind: OutcomeKind) -> str:
    """The routing key of this kind of outcome on `notification.events`."""
    return f"notification.{kind.value}"


def outcome_event_id(
    kind: OutcomeKind, delivery_id: UUID, generation: int, *distinction: object
) -> UUID:
    """A stable id: whoever reports the same thing reports the same event.

    Args:
        kind: What happened.
        delivery_id: To which delivery.
        generation: In which of its generations.
        distinction: What tells it from others of its kind: the attempt, a provider's event id.
    """
    name = ":".join(str(part) for part in (delivery_id, generation, *distinction, kind.value))
    return uuid5(NAMESPACE_OID, name)

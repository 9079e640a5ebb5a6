"""What somebody reports by HTTP of a delivery, and the event of its history that it amounts to.

The gateway and the workers take the same body and make the same event of it, so a report that
reaches one of them and is repeated to another is still one event.
"""

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.outcome import DeliveryOutcome, OutcomeKind, outcome_event_id
from contracts.provider_words import storable_detail
from contracts.utc_time import UtcTime

SOURCE: Final = "status_report"
"""Makes the event differ from others of the same attempt."""
MAX_ATTEMPT: Final = 1_000
MAX_GENERATION: Final = 2**31 - 1  # PostgreSQL's integer

_PRINTABLE: Final = r"^[\x20-\x7e]+$"
_WITHOUT_NUL: Final = r"^[^\x00]+$"


class ReportedStatus(StrEnum):
    """What can be reported."""

    PENDING = "pending"
    """Nothing has ended. Shown in the timeline; counts no attempt."""
    DELIVERED = "delivered"
    """A provider took it."""
    FAILED = "failed"
    """It was given up. What a provider took before stays delivered."""
    BOUNCED = "bounced"
    """A provider took it, and the recipient's side refused it later."""
    COMPLAINED = "complained"
    """It arrived, and the recipient called it spam."""


KIND_OF: Final = {
    ReportedStatus.PENDING: OutcomeKind.DEFERRED,
    ReportedStatus.DELIVERED: OutcomeKind.SENT,
    ReportedStatus.FAILED: OutcomeKind.FAILED,
    ReportedStatus.BOUNCED: OutcomeKind.BOUNCED,
    ReportedStatus.COMPLAINED: OutcomeKind.COMPLAINED,
}


class StatusReport(BaseModel):
    """What happened to a delivery, as its reporter says it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "notification_id": "notif_0193f1a07c1a7b1e9c553f1a2b4c5d6e",
                "delivery_id": "0193f1a0-7c1b-7d55-8f21-5b1f0c9e7a42",
                "status": "bounced",
                "timestamp": "2026-12-01T12:00:00Z",
                "reason": "invalid_recipient",
                "error": "550 5.1.1 no such user",
                "provider": "smtp",
                "provider_message_id": "<0193f1a0@example.com>",
                "attempt": 1,
            }
        },
    )

    notification_id: str = Field(pattern=r"^notif_[0-9a-f]{32}$")
    delivery_id: UUID | None = Field(
        default=None, description="Left out: the only delivery of the notification."
    )
    status: ReportedStatus
    timestamp: UtcTime | None = Field(
        default=None,
        description="When it happened: RFC 3339 with an offset. Left out, or to come: now.",
    )
    reason: Annotated[str, Field(max_length=100, pattern=_PRINTABLE)] | None = Field(
        default=None, description="Stable word for why: `invalid_recipient`."
    )
    error: Annotated[str, Field(max_length=2_000, pattern=r"^[^\x00]*$")] | None = Field(
        default=None,
        description="The provider's own words. Kept shortened, and with addresses masked.",
    )
    provider: Annotated[str, Field(max_length=50, pattern=_PRINTABLE)] | None = None
    provider_message_id: Annotated[str, Field(max_length=500, pattern=_WITHOUT_NUL)] | None = None
    attempt: int = Field(
        default=0,
        ge=0,
        le=MAX_ATTEMPT,
        strict=True,
        description="Number of the attempt, from 1; 0 where it is not known.",
    )
    generation: Annotated[int, Field(ge=0, le=MAX_GENERATION, strict=True)] | None = Field(
        default=None,
        description="How often the delivery had been replayed by then. Left out: as often as now.",
    )
    event_id: UUID | None = Field(
        default=None,
        description="Reports with the same id are one event. Left out: those that say the same.",
    )


class DeliveryStatusReport(StatusReport):
    """The same for whoever cannot look deliveries up: it names one."""

    delivery_id: UUID = Field(description="The delivery.")
    generation: int = Field(
        default=0,
        ge=0,
        le=MAX_GENERATION,
        strict=True,
        description="How often the delivery had been replayed by then.",
    )


class TakenReport(BaseModel):
    """A report that the broker has; the history shows it soon."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "notification_id": "notif_0193f1a07c1a7b1e9c553f1a2b4c5d6e",
                "delivery_id": "0193f1a0-7c1b-7d55-8f21-5b1f0c9e7a42",
                "status": "bounced",
                "event_id": "0193f1a2-2222-5abc-8def-0123456789ab",
            }
        }
    )

    notification_id: str
    delivery_id: UUID
    status: ReportedStatus
    event_id: UUID = Field(description="The same for every repeat of the report.")

    @classmethod
    def of(cls, report: StatusReport, outcome: DeliveryOutcome) -> Self:
        """Show what a report became."""
        return cls(
            notification_id=outcome.notification_id,
            delivery_id=outcome.delivery_id,
            status=report.status,
            event_id=outcome.event_id,
        )


def outcome_of_report(
    report: StatusReport,
    *,
    delivery_id: UUID,
    generation: int,
    now: datetime,
    correlation_id: str,
) -> DeliveryOutcome:
    """The event that a report amounts to.

    Args:
        report: What was reported.
        delivery_id: Of which delivery.
        generation: Of which of its generations.
        now: The aware time; nothing is recorded as later.
        correlation_id: Of the notification, or else of the report.
    """
    kind = KIND_OF[report.status]
    return DeliveryOutcome(
        event_id=report.event_id or _event_id(report, kind, delivery_id, generation),
        kind=kind,
        delivery_id=delivery_id,
        notification_id=report.notification_id,
        generation=generation,
        # What is pending may be published again, by the attempts that are known of. More than the
        # worker has made would be sent beside its own copy, and a reporter may be mistaken.
        attempt=0 if report.status is ReportedStatus.PENDING else report.attempt,
        # A clock that is ahead must not outdo what is reported later.
        at=min(report.timestamp or now, now),
        provider=report.provider,
        provider_message_id=report.provider_message_id,
        reason=report.reason,
        detail=storable_detail(report.error),
        correlation_id=correlation_id,
    )


def _event_id(report: StatusReport, kind: OutcomeKind, delivery_id: UUID, generation: int) -> UUID:
    said = report.model_dump(
        mode="json",
        exclude={"notification_id", "delivery_id", "generation", "status"},
        # So that a field of a later release changes no id of a report that does not have it.
        exclude_defaults=True,
    )
    return outcome_event_id(kind, delivery_id, generation, SOURCE, json.dumps(said, sort_keys=True))

"""Bodies of requests and answers, as clients write and read them."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from api_gateway.api.examples import ACCEPTED, NOTIFICATION, SUMMARY, UNSENT
from api_gateway.api.utc_time import UtcTime
from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification import Acceptance, Delivery, Notification, TimelineEvent
from api_gateway.domain.request import NotificationRequest
from api_gateway.domain.storable import flaws_of
from contracts.notification import NotificationStatus, NotificationType
from contracts.template_code import TEMPLATE_CODE
from servicekit.text_types import Language


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    flaws = flaws_of(value)
    if flaws:
        # Each is told with its own path; pydantic puts the field's name before it.
        raise ValidationError.from_exception_data(
            "document",
            [
                InitErrorDetails(
                    type=PydanticCustomError(flaw.code, flaw.message), loc=flaw.path, input=None
                )
                for flaw in flaws
            ],
        )
    return value


Document = Annotated[dict[str, Any], AfterValidator(_storable)]
"""Any JSON object that every later stage can carry."""


class SendNotification(BaseModel):
    """One notification to one user."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "notification_type": "email",
                "user_id": "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6e",
                "template_code": "welcome_email",
                "variables": {"name": "John", "link": "https://example.com/start"},
                "request_id": "req_123",
                "priority": 5,
                "language": "en",
                "metadata": {"campaign_id": "spring"},
            }
        },
    )

    notification_type: NotificationType
    user_id: UUID
    template_code: str = Field(pattern=TEMPLATE_CODE)
    variables: Document = Field(default_factory=dict, description="Values for the template.")
    request_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        description="Repeating a request with the same id, within 24 hours, sends nothing more.",
    )
    priority: int | None = Field(
        default=None,
        ge=0,
        le=10,
        strict=True,
        description="From 5 on it overtakes others. Left out: 8 for urgent categories, else 4.",
    )
    language: Language | None = Field(default=None, description="BCP 47. Left out: the user's.")
    scheduled_at: UtcTime | None = Field(
        default=None,
        description="Not sent before this time, up to 30 days ahead; what has passed is now.",
    )
    expires_at: UtcTime | None = Field(
        default=None, description="Not sent after this time. With its offset from UTC."
    )
    metadata: Document = Field(
        default_factory=dict, description="Kept with the notification, given back when it is read."
    )

    def to_domain(self, request_id: str | None) -> NotificationRequest:
        """The same in the domain's terms; the request id may have come in a header."""
        return NotificationRequest(
            notification_type=self.notification_type,
            user_id=self.user_id,
            template_code=self.template_code,
            variables=self.variables,
            request_id=request_id,
            priority=self.priority,
            language=self.language,
            scheduled_at=self.scheduled_at,
            expires_at=self.expires_at,
            metadata=self.metadata,
        )


class AcceptedNotification(BaseModel):
    """What a caller is told at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACCEPTED, UNSENT]})

    notification_id: str
    status: NotificationStatus
    created_at: datetime

    @classmethod
    def of(cls, acceptance: Acceptance) -> Self:
        """Show an acceptance."""
        return cls(
            notification_id=public_notification_id(acceptance.notification_id),
            status=acceptance.status,
            created_at=acceptance.created_at,
        )


class DeliveryView(BaseModel):
    """One address of a notification; the address itself is masked."""

    delivery_id: UUID
    recipient: str
    device_kind: str | None
    status: NotificationStatus
    attempts: int
    provider: str | None
    provider_message_id: str | None
    reason: str | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Show a delivery."""
        return cls(
            delivery_id=delivery.id,
            recipient=mask(delivery.recipient),
            device_kind=delivery.device_kind,
            status=delivery.status,
            attempts=delivery.attempts,
            provider=delivery.provider,
            provider_message_id=delivery.provider_message_id,
            reason=delivery.reason,
        )


class TimelineEventView(BaseModel):
    """One step of the history. `latency_ms` is in milliseconds."""

    event: str
    status: NotificationStatus
    at: datetime
    delivery_id: UUID | None
    generation: int
    attempt: int
    provider: str | None
    provider_message_id: str | None
    reply_code: str | None
    latency_ms: float | None
    reason: str | None
    detail: str | None
    next_attempt_at: datetime | None

    @classmethod
    def of(cls, event: TimelineEvent) -> Self:
        """Show an event."""
        names = set(cls.model_fields) - {"event"}
        return cls(event=event.kind, **{name: getattr(event, name) for name in names})


class NotificationSummary(BaseModel):
    """A notification as lists show it."""

    model_config = ConfigDict(json_schema_extra={"example": SUMMARY})

    id: str
    notification_id: str
    notification_type: NotificationType
    user_id: UUID
    template_code: str
    template_version: int
    language: str
    category: str
    priority: int
    status: NotificationStatus
    reason: str | None
    request_id: str | None
    metadata: dict[str, Any]
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    scheduled_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """Show a notification."""
        return cls(**_summary_values(notification))


class NotificationView(NotificationSummary):
    """A notification with its deliveries and everything that happened to it."""

    model_config = ConfigDict(json_schema_extra={"example": NOTIFICATION})

    deliveries: list[DeliveryView]
    timeline: list[TimelineEventView]

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """Show a notification in full."""
        return cls(
            **_summary_values(notification),
            deliveries=[DeliveryView.of(item) for item in notification.deliveries],
            timeline=[TimelineEventView.of(item) for item in notification.timeline],
        )


def _summary_values(notification: Notification) -> dict[str, Any]:
    public_id = public_notification_id(notification.id)
    names = set(NotificationSummary.model_fields) - {"id", "notification_id"}
    values = {name: getattr(notification, name) for name in names}
    return {"id": public_id, "notification_id": public_id, **values}


def mask(address: str) -> str:
    """Enough of an address to recognise it, not enough to use it: `j***@example.com`."""
    local, at, domain = address.rpartition("@")
    if at and local:
        return f"{local[0]}***@{domain}"
    return f"{address[:6]}***" if len(address) > 12 else "***"

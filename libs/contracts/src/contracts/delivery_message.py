"""The message that carries one delivery from the gateway to a worker, and round the retry tiers."""

from typing import Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.notification import AmbiguousPolicy, DeviceKind, NotificationType

MESSAGE_VERSION: Final = 1
"""A worker accepts this version and the one before."""

HEADER_REPEATED: Final = "x-repeated"
"""AMQP header set on copies that may not be the first of their delivery: published again by the
relay, or back from a retry tier. Without Redis such copies wait, first ones go on."""

HEADER_DEAD_REASON: Final = "x-dead-reason"
HEADER_DEAD_DETAIL: Final = "x-dead-detail"


class DeliveryMessage(BaseModel):
    """One notification for one address. Times are UTC; durations are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    delivery_id: UUID
    notification_id: str
    notification_type: NotificationType
    user_id: UUID
    client_id: str = Field(description="The caller that the notification was accepted from.")
    recipient: str = Field(min_length=1, description="Email address or device token.")
    device_kind: DeviceKind | None = None
    template_code: str
    template_version: int = Field(ge=1)
    language: str
    category: str
    ambiguous: AmbiguousPolicy = AmbiguousPolicy.RESEND
    variables: dict[str, Any]
    request_id: str | None = None
    correlation_id: str = Field(max_length=128)
    traceparent: str | None = None
    priority: int = Field(ge=0, le=10)
    generation: int = Field(default=0, ge=0, description="Raised by each replay.")
    retry_count: int = Field(default=0, ge=0, description="Attempts made before this one.")
    max_retries: int = Field(default=5, ge=0)
    not_before: AwareDatetime | None = None
    unsubscribe_url: str | None = None
    test: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None

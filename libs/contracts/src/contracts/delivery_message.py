"""The message that carries one delivery from the gateway to a worker, and round the retry tiers."""

from typing import Any, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.notification import AmbiguousPolicy, DeviceKind, NotificationType

MESSAGE_VERSION: Final = 1
"""What is written; raised only when an older reader would do wrong with a message.

A reader accepts this version and the one before, so readers are upgraded before writers. A message
of a version that it does not know is unreadable to it: a dead letter, kept whole.
"""
OLDEST_MESSAGE_VERSION: Final = max(1, MESSAGE_VERSION - 1)

HEADER_REPEATED: Final = "x-repeated"
"""AMQP header set on copies that may not be the first of their delivery: published again by the
relay, or back from a retry tier. Without Redis such copies wait, first ones go on."""

HEADER_DEAD_REASON: Final = "x-dead-reason"
HEADER_DEAD_DETAIL: Final = "x-dead-detail"


class DeliveryMessage(BaseModel):
    """One notification for one address. Times are UTC; durations are seconds.

    Unknown fields are ignored: during a rolling upgrade an older worker gets messages of a newer
    gateway. What it sends round a retry tier no longer has them, so a field that is added without
    raising `v` must be one that can be done without.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = Field(default=MESSAGE_VERSION, ge=OLDEST_MESSAGE_VERSION, le=MESSAGE_VERSION)
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
    provider_failures: int = Field(
        default=0,
        ge=0,
        description="Times that no provider could take anything; such a time is no attempt.",
    )
    pinned_provider: str | None = Field(
        default=None, description="Perhaps this one took it already, so no other may be asked."
    )
    not_before: AwareDatetime | None = None
    unsubscribe_url: str | None = None
    test: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None

"""What the gateway needs to know of a user; user-service answers it and keeps it in Redis."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.notification import DeviceKind
from contracts.suppression import SuppressionReason


class DeviceAddress(BaseModel):
    """One place that a push can go to."""

    model_config = ConfigDict(frozen=True)

    kind: DeviceKind
    token: str


class ChannelPreferences(BaseModel):
    """Which channels the user wants at all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: bool = True
    push: bool = True


class UserSnapshot(BaseModel):
    """A user as of one row version; a higher version is newer."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "user_id": "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6e",
                "version": 2,
                "is_active": True,
                "email": "john@example.com",
                "language": "en",
                "timezone": "Europe/Berlin",
                "preferences": {"email": True, "push": True},
                "devices": [{"kind": "fcm", "token": "device-token"}],
                "email_suppressed": None,
            }
        },
    )

    user_id: UUID
    version: int = Field(ge=1)
    is_active: bool
    email: str | None
    language: str
    timezone: str
    preferences: ChannelPreferences
    devices: tuple[DeviceAddress, ...] = ()
    email_suppressed: SuppressionReason | None = None

"""What the gateway needs to know of a user; user-service answers it and keeps it in Redis."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.notification import DeviceKind
from contracts.preferences import ChannelChoice, ChannelPreferences, QuietHours
from contracts.suppression import SuppressionReason


class DeviceAddress(BaseModel):
    """One place that a push can go to."""

    model_config = ConfigDict(frozen=True)

    kind: DeviceKind
    token: str


class UserSnapshot(BaseModel):
    """A user as of one row version; a higher version is newer.

    Attributes:
        categories: What they have chosen, by category.
    """

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
                "categories": {"marketing": {"email": False, "push": None}},
                "quiet_hours": {"start": "22:00", "end": "07:00", "timezone": None},
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
    categories: dict[str, ChannelChoice] = Field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    devices: tuple[DeviceAddress, ...] = ()
    email_suppressed: SuppressionReason | None = None

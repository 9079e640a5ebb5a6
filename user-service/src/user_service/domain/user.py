"""A user, and what the gateway needs to know of them."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts.access import Role
from contracts.notification import DeviceKind
from contracts.preferences import ChannelChoice, ChannelPreferences, QuietHours
from contracts.suppression import SuppressionReason
from contracts.user_snapshot import DeviceAddress, UserSnapshot

CategoryChoices = dict[str, ChannelChoice]
"""What a user has chosen, by category; what is not there they have not chosen."""


@dataclass(frozen=True, slots=True)
class User:
    """A user as of one row version; `password_hash` is None for those who cannot sign in.

    `email_suppressed` is not the user's own: it belongs to whoever has the address.
    """

    id: UUID
    email: str
    name: str
    password_hash: str | None = field(repr=False)
    role: Role
    is_active: bool
    language: str
    timezone: str
    email_enabled: bool
    push_enabled: bool
    push_token: str | None = field(repr=False)
    category_choices: CategoryChoices
    quiet_hours: QuietHours | None
    row_version: int
    created_at: datetime
    updated_at: datetime
    email_suppressed: SuppressionReason | None = None

    @property
    def channels(self) -> ChannelPreferences:
        """Which channels they want at all."""
        return ChannelPreferences(email=self.email_enabled, push=self.push_enabled)

    def snapshot(self) -> UserSnapshot:
        """What the gateway decides by."""
        devices = (
            (DeviceAddress(kind=DeviceKind.FCM, token=self.push_token),) if self.push_token else ()
        )
        return UserSnapshot(
            user_id=self.id,
            version=self.row_version,
            is_active=self.is_active,
            email=self.email,
            language=self.language,
            timezone=self.timezone,
            preferences=self.channels,
            categories=self.category_choices,
            quiet_hours=self.quiet_hours,
            devices=devices,
            email_suppressed=self.email_suppressed,
        )

"""What a notification is, in the words that every process and every client shares."""

from enum import StrEnum
from typing import Final


class NotificationType(StrEnum):
    """The channel that carries a notification."""

    EMAIL = "email"
    PUSH = "push"


class NotificationStatus(StrEnum):
    """Where a notification, or one of its deliveries, stands."""

    SCHEDULED = "scheduled"
    """Stored for later; decided again when it is released."""
    PENDING = "pending"
    """Accepted; neither handed to a provider nor given up."""
    DELIVERED = "delivered"
    """A provider took it."""
    FAILED = "failed"
    """Refused for good, or all attempts used; kept as a dead letter that can be replayed."""
    EXPIRED = "expired"
    """Not handed over before its `expires_at`."""
    UNKNOWN = "unknown"
    """Perhaps handed over: the provider's answer was lost, and its category forbids a retry."""
    CANCELLED = "cancelled"
    SUPPRESSED = "suppressed"
    """Not sent, for a reason of the recipient's: opted out, inactive, no address."""
    BOUNCED = "bounced"
    """Taken by the provider, and refused by the recipient's side later."""


class DeviceKind(StrEnum):
    """What sort of address a push goes to."""

    FCM = "fcm"


class AmbiguousPolicy(StrEnum):
    """What to do when it is not known whether the provider took a message."""

    RESEND = "resend"
    """Send again: a duplicate is better than a loss."""
    HOLD = "hold"
    """Do not send again: a duplicate would harm (one-time codes, billing)."""


REQUIRED_CATEGORIES: Final = frozenset({"email_verification", "password_reset", "security_alert"})
"""What a user cannot do without: no limit on how much somebody may be sent counts for these."""

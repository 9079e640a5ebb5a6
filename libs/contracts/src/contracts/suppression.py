"""Addresses that nothing more may be sent to, known to the system by their digest only.

user-service keeps the list; it hears of new entries through outcomes, and puts each into Redis,
where the workers look. All of them share the key of the digest, and none stores an address here.
"""

import hmac
from enum import StrEnum
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.notification import REQUIRED_CATEGORIES, NotificationType

MINIMUM_KEY_BYTES: Final = 32


class SuppressionReason(StrEnum):
    """Why nothing more is sent to an address."""

    HARD_BOUNCE = "hard_bounce"
    """There is no such mailbox, or none that takes mail."""
    COMPLAINT = "complaint"
    """Its owner called a message spam."""
    MANUAL = "manual"
    """An operator or an application said so."""


def blocks(reason: SuppressionReason, category: str) -> bool:
    """Whether a suppression for this reason keeps back what has this category.

    A dead mailbox is dead to everything. Who called something spam still needs to reset a password.
    """
    return reason is not SuppressionReason.COMPLAINT or category not in REQUIRED_CATEGORIES


class SuppressionNotice(BaseModel):
    """Asks user-service to suppress an address; repeating it changes nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    notification_type: NotificationType
    address_digest: str = Field(min_length=64, max_length=64)
    reason: SuppressionReason
    source: str = Field(max_length=100, description="Who found out: `smtp`, `sendgrid`, `dsn`.")
    expires_at: AwareDatetime | None = None


def address_digest(key: bytes, notification_type: NotificationType, address: str) -> str:
    """HMAC-SHA256 of an address, 64 hexadecimal digits.

    Addresses that differ in case only are the same: hardly a server tells them apart, and sending
    to a suppressed address harms more than not sending to its twin.

    Args:
        key: Shared by user-service and the workers; at least `MINIMUM_KEY_BYTES`.
        notification_type: The channel.
        address: An email address or a device token.
    """
    canonical = address.strip()
    if notification_type is NotificationType.EMAIL:
        canonical = canonical.casefold()
    return hmac.digest(key, f"{notification_type.value}:{canonical}".encode(), "sha256").hex()

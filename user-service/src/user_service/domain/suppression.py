"""A suppressed address, known by its digest only, and what becomes of it when more is heard of it.

A lifted suppression is kept for a while: news from before it was lifted, which a queue may bring
late or twice, must not suppress the address again.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from contracts.notification import NotificationType
from contracts.suppression import SuppressionReason

_RANK: Final = {
    SuppressionReason.HARD_BOUNCE: 1,
    SuppressionReason.COMPLAINT: 2,
    SuppressionReason.MANUAL: 3,
}


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why and until when nothing is sent to an address.

    `created_at` is when it was found out, `expires_at` None where it does not end by itself;
    `source` names who found out: a provider, or a caller.
    """

    address_digest: str
    notification_type: NotificationType
    reason: SuppressionReason
    source: str
    created_at: datetime
    expires_at: datetime | None = None
    lifted_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Whether it has ended by itself."""
        return self.expires_at is not None and self.expires_at <= now

    def is_in_force(self, now: datetime) -> bool:
        """Whether nothing may be sent because of it."""
        return self.lifted_at is None and not self.has_expired(now)


def suppress(held: Suppression | None, heard: Suppression, now: datetime) -> Suppression | None:
    """What to keep of an address that is to be suppressed.

    The stronger reason stays: what somebody said by hand before a complaint, and that before a
    hard bounce. The later expiry counts. Hearing the same again changes nothing.

    Args:
        held: What is kept of the address so far.
        heard: Why it is to be suppressed.
        now: Decides what is still in force.
    """
    if heard.has_expired(now):
        return held
    if held is None or not held.is_in_force(now):
        return heard
    stronger = heard if _RANK[heard.reason] > _RANK[held.reason] else held
    return replace(stronger, expires_at=_later(held.expires_at, heard.expires_at))


def suppress_unless_old(
    held: Suppression | None, heard: Suppression, now: datetime
) -> Suppression | None:
    """The same for what a queue brought: it may be from before the suppression was lifted."""
    if held is not None and held.lifted_at is not None and heard.created_at <= held.lifted_at:
        return held
    return suppress(held, heard, now)


def lift(held: Suppression | None, now: datetime) -> Suppression | None:
    """What to keep of an address to which mail may be sent again."""
    if held is None or not held.is_in_force(now):
        return held
    return replace(held, lifted_at=now)


def end_expired(held: Suppression | None, now: datetime) -> Suppression | None:
    """What to keep of an address whose suppression may have ended by itself: nothing, if so."""
    if held is not None and held.lifted_at is None and held.has_expired(now):
        return None
    return held


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)

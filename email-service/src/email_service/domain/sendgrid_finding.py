"""What an event of SendGrid's says, in our words.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.outcome import OutcomeKind
from contracts.suppression import SuppressionReason
from email_service.domain.enhanced_status import DEAD_ADDRESS, recipient_reason
from email_service.domain.sendgrid_custom_args import text_of

_STATUS: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_UNSPECIFIC: Final = frozenset({"", "5.0.0", "5.1.0"})
_DEAD_CLASSES: Final = frozenset({"", "Invalid Address", "Unclassified"})
_DROPPED: Final = {
    "bounced address": "dropped_bounced_address",
    "unsubscribed address": "dropped_unsubscribed_address",
    "spam reporting address": "dropped_spam_reporting_address",
    "spam content": "dropped_spam_content",
    "invalid": "dropped_invalid_address",
}
_KINDS: Final = {
    "bounce": OutcomeKind.BOUNCED,
    "dropped": OutcomeKind.BOUNCED,
    "spamreport": OutcomeKind.COMPLAINED,
    "delivered": OutcomeKind.SENT,
    "deferred": OutcomeKind.DEFERRED,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What happened, why, and whether nothing more may be sent to the address."""

    kind: OutcomeKind
    reason: str | None
    suppression: SuppressionReason | None = None


def finding_of(event: Mapping[str, Any]) -> Finding | None:
    """Read an event; None where it is nothing that is recorded."""
    name = text_of(event, "event")
    kind = _KINDS.get(name)
    if kind is None:
        return None
    match name:
        case "bounce":
            return _bounce(event)
        case "dropped":
            return Finding(kind, _DROPPED.get(text_of(event, "reason").lower(), "dropped"))
        case "spamreport":
            return Finding(kind, "spam_report", SuppressionReason.COMPLAINT)
    return Finding(kind, "delivered" if name == "delivered" else "deferred_by_receiver")


def _bounce(event: Mapping[str, Any]) -> Finding:
    status = text_of(event, "status")
    if text_of(event, "type") == "blocked":  # for now, or because of the content or the sender
        reason = recipient_reason(status, "blocked") if _is_specific(status) else "blocked"
        return Finding(OutcomeKind.BOUNCED, reason)
    is_dead = status in DEAD_ADDRESS or (
        status in _UNSPECIFIC and text_of(event, "bounce_classification") in _DEAD_CLASSES
    )
    if is_dead:
        return Finding(OutcomeKind.BOUNCED, "invalid_recipient", SuppressionReason.HARD_BOUNCE)
    reason = recipient_reason(status, "refused_later") if _is_specific(status) else "refused_later"
    return Finding(OutcomeKind.BOUNCED, reason)


def _is_specific(status: str) -> bool:
    return status not in _UNSPECIFIC and _STATUS.fullmatch(status) is not None

"""Turns an event of SendGrid's into one of a delivery."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, outcome_event_id
from contracts.provider_words import storable_detail
from contracts.suppression import SuppressionNotice, address_digest
from email_service.domain.address_forms import forms_of
from email_service.domain.sendgrid_custom_args import ForeignEventError, reference_of, text_of
from email_service.domain.sendgrid_finding import Finding, finding_of

SOURCE: Final = "sendgrid"
"""Stands in suppressions, and makes the event differ from others of the same attempt."""

_CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
_STATUS: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_REPLY: Final = re.compile(r"[245][0-9]{2}(?: [245]\.[0-9]{1,3}\.[0-9]{1,3})?")


def outcome_of_event(
    event: Mapping[str, Any], suppression_key: bytes, correlation_id: str
) -> DeliveryOutcome | None:
    """The event of a delivery that one of SendGrid's amounts to.

    The id is made of the attempt and the event's time. SendGrid's `sg_event_id` is not in it: it
    has been seen to change when an event is repeated
    (https://github.com/sendgrid/sendgrid-nodejs/issues/1435).

    Args:
        event: As SendGrid posted it, signed.
        suppression_key: Of the addresses' digests.
        correlation_id: For an event that did not bring back the mail's own.

    Returns:
        None: It is nothing that is recorded: opened, clicked, unsubscribed, about to be sent.

    Raises:
        ForeignEventError: It has not our custom arguments, or not what every event has.
    """
    finding = finding_of(event)
    if finding is None:
        return None
    reference = reference_of(event)
    at = _time(event)
    reply = text_of(event, "status") or text_of(event, "response")
    code = _REPLY.match(reply) or _STATUS.match(reply)
    returned = text_of(event, "correlation_id")
    return DeliveryOutcome(
        event_id=outcome_event_id(
            finding.kind,
            reference.delivery_id,
            reference.generation,
            reference.attempt,
            SOURCE,
            int(at.timestamp()),
        ),
        kind=finding.kind,
        delivery_id=reference.delivery_id,
        notification_id=reference.notification_id,
        generation=reference.generation,
        attempt=reference.attempt,
        at=at,
        provider=SOURCE,
        provider_message_id=text_of(event, "sg_message_id") or None,
        reply_code=code[0] if code else None,
        reason=finding.reason,
        detail=storable_detail(text_of(event, "reason") or text_of(event, "response")),
        suppression=_suppression(event, finding, suppression_key),
        correlation_id=returned if _CORRELATION_ID.fullmatch(returned) else correlation_id,
    )


def _time(event: Mapping[str, Any]) -> datetime:
    timestamp = event.get("timestamp")
    if not isinstance(timestamp, int) or not 0 <= timestamp < 2**35:
        msg = "its timestamp is not in Unix seconds"
        raise ForeignEventError(msg)
    # In whole seconds: the end of it, or it would stand before what it follows upon.
    return datetime.fromtimestamp(timestamp, UTC) + timedelta(milliseconds=999)


def _suppression(
    event: Mapping[str, Any], finding: Finding, key: bytes
) -> SuppressionNotice | None:
    # Last, the form with the domain in Unicode, as its owner writes it
    forms = forms_of(text_of(event, "email"))
    if finding.suppression is None or not forms:
        return None
    return SuppressionNotice(
        notification_type=NotificationType.EMAIL,
        address_digest=address_digest(key, NotificationType.EMAIL, forms[-1]),
        reason=finding.suppression,
        source=SOURCE,
    )

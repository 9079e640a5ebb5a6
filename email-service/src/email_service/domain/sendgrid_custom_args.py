"""The words by which SendGrid's events come back to our deliveries.

Custom arguments return as fields beside SendGrid's own, which win where the names are the same:
`attempt` is theirs (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event).
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from email_service.domain.delivery_reference import DeliveryReference

_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_NOTIFICATION_ID: Final = re.compile(r"[!-~]{1,100}")


class ForeignEventError(ValueError):
    """The event is about no mail of ours, or cannot be read as one."""


def custom_args(reference: DeliveryReference, correlation_id: str) -> dict[str, str]:
    """What SendGrid is asked to send back with each event of a mail; nothing about its recipient.

    Args:
        reference: The attempt.
        correlation_id: Of the request that it came from.
    """
    return {
        "delivery_id": str(reference.delivery_id),
        "notification_id": reference.notification_id,
        "generation": str(reference.generation),
        "delivery_attempt": str(reference.attempt),
        "correlation_id": correlation_id,
    }


def reference_of(event: Mapping[str, Any]) -> DeliveryReference:
    """Read back what `custom_args` wrote.

    Raises:
        ForeignEventError: They are not there, or not as we write them.
    """
    generation, attempt = text_of(event, "generation"), text_of(event, "delivery_attempt")
    notification_id = text_of(event, "notification_id")
    if not (
        _NUMBER.fullmatch(generation)
        and _NUMBER.fullmatch(attempt)
        and _NOTIFICATION_ID.fullmatch(notification_id)
    ):
        msg = "it has none of our custom arguments"
        raise ForeignEventError(msg)
    try:
        delivery_id = UUID(text_of(event, "delivery_id"))
    except ValueError as error:
        msg = "its delivery_id is none of ours"
        raise ForeignEventError(msg) from error
    return DeliveryReference(delivery_id, notification_id, int(generation), int(attempt))


def text_of(event: Mapping[str, Any], name: str) -> str:
    """A field's text as JSON and PostgreSQL can hold it; empty where there is none."""
    value = event.get(name)
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")

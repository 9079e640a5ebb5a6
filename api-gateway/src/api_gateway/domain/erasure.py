"""When the variables of a notification are needed no more, and what is left of a message then.

Variables are what a notification says about its recipient; they are kept only while a message with
them may still be sent. Other things tell what happened, and are kept with the history.
"""

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from typing import Final

from api_gateway.domain.failed_message import read_as
from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationStatus
from contracts.outcome import DeliveryOutcome

REPLAYABLE_FOR: Final = timedelta(days=30)
"""So long a dead letter keeps what it takes to send it again."""

NEVER_SENT_AGAIN: Final = frozenset(
    {
        NotificationStatus.DELIVERED,
        NotificationStatus.BOUNCED,
        NotificationStatus.EXPIRED,
        NotificationStatus.UNKNOWN,
        NotificationStatus.SUPPRESSED,
        NotificationStatus.CANCELLED,
    }
)
"""What is in one of these states is never sent again; what `failed` may be replayed."""


class Erasure(StrEnum):
    """When variables are erased."""

    NOW = "now"
    LATER = "later"
    """When nobody may replay any more what failed, or earlier when it is discarded."""
    NOT_YET = "not_yet"
    """A message with them may be under way, or will be."""


def erasure_of(deliveries: Collection[NotificationStatus]) -> Erasure:
    """When the variables of a notification are erased; `deliveries`: the state of each."""
    states = set(deliveries)
    if states <= NEVER_SENT_AGAIN:
        return Erasure.NOW
    if states <= {*NEVER_SENT_AGAIN, NotificationStatus.FAILED}:
        return Erasure.LATER
    return Erasure.NOT_YET


def erased_body(body: bytes) -> bytes:
    """What is kept of a dead letter's bytes: nothing, where it cannot be told what they say."""
    message = read_as(DeliveryMessage, body)
    if message is not None:
        without = message.model_copy(update={"variables": {}})
        return without.model_dump_json(exclude_none=True).encode()
    return body if read_as(DeliveryOutcome, body) is not None else b""

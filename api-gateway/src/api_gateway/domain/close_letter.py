"""What follows from replaying or discarding a dead letter; pure, so that one transaction can ask.

A replay begins a new generation of the delivery: whatever is still reported of the old one no
longer counts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_gateway.domain.dead_letter import ClosingAction, DeadLetter, LetterState
from api_gateway.domain.failed_message import REASON_SUPPRESSION_REFUSED, read_as
from contracts.delivery_message import MESSAGE_VERSION, DeliveryMessage
from contracts.notification import NotificationStatus
from contracts.outcome import REPORTED_KINDS, DeliveryOutcome, OutcomeKind, outcome_event_id

HIGHEST_GENERATION: Final = 2**31 - 2
"""The next one is the last that the history's column holds."""

_CLOSED_BY: Final = {
    ClosingAction.REPLAY: LetterState.REPLAYED,
    ClosingAction.DISCARD: LetterState.DISCARDED,
}
# `failed`, or `pending` where the message could not be read when it came. Of all others it is known
# that a provider took it, perhaps took it, or that it must not be sent.
_MAY_BE_SENT_AGAIN: Final = {NotificationStatus.FAILED, NotificationStatus.PENDING}

LetterContent = DeliveryMessage | DeliveryOutcome | None
"""What a letter's bytes are; None: nothing that this version can read."""


@dataclass(frozen=True)
class LetterDelivery:
    """What is known of a letter's delivery now.

    Attributes:
        generation: Its newest.
        newer_letter: A dead letter of a later generation, if there is one.
    """

    status: NotificationStatus
    generation: int
    newer_letter: UUID | None = None


@dataclass(frozen=True)
class Closing:
    """An open letter is closed.

    Attributes:
        state: Its state from then on.
        event: Goes into the history.
        message: Is published.
    """

    state: LetterState
    event: DeliveryOutcome | None = None
    message: DeliveryMessage | None = None


@dataclass(frozen=True)
class ClosedBefore:
    """The same was decided earlier: nothing more happens."""


@dataclass(frozen=True)
class Refused:
    """It cannot be done; `message` says why and what can."""

    message: str


def content_of(body: bytes) -> LetterContent:
    """Read a letter again: what was unreadable to an older version may be readable to this one."""
    message = read_as(DeliveryMessage, body)
    if message is not None:
        return message
    outcome = read_as(DeliveryOutcome, body)
    # The other kinds are ours alone, and mean nothing without the transaction they belong to.
    return outcome if outcome is not None and outcome.kind in REPORTED_KINDS else None


def decide_closing(
    action: ClosingAction,
    letter: DeadLetter,
    content: LetterContent,
    delivery: LetterDelivery | None,
    now: datetime,
) -> Closing | ClosedBefore | Refused:
    """Decide about one letter.

    Args:
        action: What was asked for.
        letter: As it is now.
        content: What its bytes are.
        delivery: Of the message in it; None: there is none, or it is not known here.
        now: When.
    """
    if letter.state is not LetterState.OPEN:
        return _decide_closed(action, letter, delivery)
    if action is ClosingAction.REPLAY:
        return _decide_replay(letter, content, delivery, now)
    if isinstance(content, DeliveryMessage) and delivery is not None:
        event = _event(OutcomeKind.DISCARDED, content, content.generation, letter.reason, now)
        return Closing(LetterState.DISCARDED, event)
    return Closing(LetterState.DISCARDED)


def _decide_closed(
    action: ClosingAction, letter: DeadLetter, delivery: LetterDelivery | None
) -> ClosedBefore | Refused:
    newer = delivery.newer_letter if delivery else None
    if newer is not None and letter.state is LetterState.REPLAYED:
        return Refused(
            f"It was replayed already and failed again; {action} the dead letter {newer} instead."
        )
    if letter.state is _CLOSED_BY[action]:
        return ClosedBefore()
    if letter.state is LetterState.DISCARDED:
        return Refused(
            "It was discarded, and that is final; to send this again after all, send a new "
            "notification."
        )
    return Refused(
        "It was replayed, and is on its way or ended; should it fail again, discard the dead "
        "letter that it leaves then."
    )


def _decide_replay(
    letter: DeadLetter, content: LetterContent, delivery: LetterDelivery | None, now: datetime
) -> Closing | Refused:
    if letter.erased_at is not None and not isinstance(content, DeliveryOutcome):
        return Refused(
            "It is older than 30 days, so what it said was erased and cannot be sent again; "
            "discard it, or send a new notification."
        )
    if content is None:
        return Refused(
            "It cannot be read as a delivery or an outcome, so there is nothing to send; look at "
            "its bytes, repair what published them, and discard it."
        )
    if letter.reason == REASON_SUPPRESSION_REFUSED:
        return Refused(
            "It asks user-service for a suppression that was refused there, and only the history "
            "is written here; suppress the address there by hand, and discard it."
        )
    if isinstance(content, DeliveryOutcome):
        return Closing(LetterState.REPLAYED, event=content)
    if delivery is None:
        return Refused(
            f"Its delivery {content.delivery_id} is not known here, so nothing could be recorded "
            "of it; discard it, or send a new notification."
        )
    if delivery.generation > content.generation:
        where = (
            f"see the dead letter {delivery.newer_letter}"
            if delivery.newer_letter
            else f"it is {delivery.status}"
        )
        return Refused(f"Its delivery was sent again already: {where}.")
    if delivery.status not in _MAY_BE_SENT_AGAIN:
        return Refused(
            f"Its delivery is {delivery.status}, and only what failed is sent again; discard it."
        )
    if content.generation > HIGHEST_GENERATION:
        return Refused("Its generation cannot be raised any more; discard it.")
    again = _next_generation(content)
    event = _event(OutcomeKind.REPLAYED, again, again.generation, None, now)
    return Closing(LetterState.REPLAYED, event, again)


def _next_generation(message: DeliveryMessage) -> DeliveryMessage:
    """The message as it was at first, one generation later."""
    return message.model_copy(
        update={
            "v": MESSAGE_VERSION,
            "generation": message.generation + 1,
            "retry_count": 0,
            "provider_failures": 0,
            "pinned_provider": None,
            "not_before": None,
        }
    )


def _event(
    kind: OutcomeKind,
    message: DeliveryMessage,
    generation: int,
    reason: str | None,
    now: datetime,
) -> DeliveryOutcome:
    return DeliveryOutcome(
        event_id=outcome_event_id(kind, message.delivery_id, generation),
        kind=kind,
        delivery_id=message.delivery_id,
        notification_id=message.notification_id,
        generation=generation,
        attempt=0,
        at=now,
        reason=reason,
        correlation_id=message.correlation_id,
    )

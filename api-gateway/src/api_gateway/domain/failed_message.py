"""What lies in `failed.queue`, read as far as it can be: nothing there is too strange to keep."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self, TypeVar
from uuid import UUID

from pydantic import ValidationError

from api_gateway.domain.identifiers import parse_notification_id
from contracts.delivery_message import HEADER_DEAD_DETAIL, HEADER_DEAD_REASON, DeliveryMessage
from contracts.names import OUTCOMES_QUEUE, SUPPRESSIONS_QUEUE
from contracts.outcome import DeliveryOutcome, OutcomeKind, outcome_event_id

REASON_UNKNOWN: Final = "unknown"
REASON_OUTCOME_REFUSED: Final = "outcome_refused"
REASON_SUPPRESSION_REFUSED: Final = "suppression_refused"
REASON_UNSTORABLE: Final = "unstorable"

# https://www.rabbitmq.com/docs/dlx#effects: set by the broker when it dead-letters a message.
_FIRST_REASON: Final = "x-first-death-reason"
_FIRST_QUEUE: Final = "x-first-death-queue"
_REJECTED: Final = "rejected"

_WORD_CHARACTERS: Final = 100
_DETAIL_CHARACTERS: Final = 2_000
_HEADERS: Final = 50
_LARGEST_GENERATION: Final = 2**31 - 1
_LARGEST_INTEGER: Final = 2**53

ModelT = TypeVar("ModelT", DeliveryMessage, DeliveryOutcome)


@dataclass(frozen=True)
class FailedMessage:
    """A message of `failed.queue`; `headers` as the broker gave them."""

    body: bytes
    headers: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class NewDeadLetter:
    """A dead letter about to be kept; every text in it is one that PostgreSQL takes.

    Attributes:
        body: The bytes as they were received.
        digest: SHA-256 of them, in hex; of an outcome that asked in vain for a suppression it is
            another than of the same outcome that could not be recorded, so that both are kept.
        reason: A stable word for why.
        headers: The plain ones.
        delivery_id: None where it is no delivery: then `digest` tells it from others.
        event: What becomes of the delivery.
    """

    body: bytes
    digest: str
    reason: str
    detail: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)
    delivery_id: UUID | None = None
    generation: int = 0
    notification_id: UUID | None = None
    notification_type: str | None = None
    client_id: str | None = None
    template_code: str | None = None
    event: DeliveryOutcome | None = None

    def as_bytes_alone(self) -> Self:
        """The same without anything that was read from it."""
        return replace(
            self,
            reason=REASON_UNSTORABLE,
            detail=None,
            headers={},
            delivery_id=None,
            generation=0,
            notification_id=None,
            notification_type=None,
            client_id=None,
            template_code=None,
            event=None,
        )


def read_failed_message(message: FailedMessage, now: datetime) -> NewDeadLetter:
    """Read a message as a delivery, else as an outcome that was refused, else as bytes.

    Args:
        message: What was received.
        now: When it became a dead letter.
    """
    reason = _reason_of(message.headers)
    letter = NewDeadLetter(
        body=message.body,
        digest=_digest_of(message.body, reason),
        reason=reason,
        detail=_text(message.headers.get(HEADER_DEAD_DETAIL), _DETAIL_CHARACTERS),
        headers=_plain(message.headers),
    )
    delivery = read_as(DeliveryMessage, message.body)
    if delivery is not None and delivery.generation <= _LARGEST_GENERATION:
        return _as_delivery(letter, delivery, now)
    outcome = read_as(DeliveryOutcome, message.body)
    if outcome is not None:
        return replace(
            letter,
            notification_id=parse_notification_id(outcome.notification_id),
            detail=letter.detail or f"An outcome of delivery {outcome.delivery_id}.",
        )
    return letter


def _as_delivery(letter: NewDeadLetter, delivery: DeliveryMessage, now: datetime) -> NewDeadLetter:
    return replace(
        letter,
        delivery_id=delivery.delivery_id,
        generation=delivery.generation,
        notification_id=parse_notification_id(delivery.notification_id),
        notification_type=delivery.notification_type.value,
        client_id=_text(delivery.client_id),
        template_code=_text(delivery.template_code),
        event=DeliveryOutcome(
            event_id=outcome_event_id(
                OutcomeKind.DEAD_LETTERED, delivery.delivery_id, delivery.generation
            ),
            kind=OutcomeKind.DEAD_LETTERED,
            delivery_id=delivery.delivery_id,
            notification_id=delivery.notification_id,
            generation=delivery.generation,
            attempt=0,
            at=now,
            reason=letter.reason,
            detail=letter.detail,
            correlation_id=delivery.correlation_id,
        ),
    )


def read_as(model: type[ModelT], body: bytes) -> ModelT | None:
    """A message of this model, or None if the bytes are none."""
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None


def _reason_of(headers: Mapping[str, object]) -> str:
    if given := _text(headers.get(HEADER_DEAD_REASON)):
        return given
    reason, queue = _text(headers.get(_FIRST_REASON)), _text(headers.get(_FIRST_QUEUE))
    # Rejected or handed out too often: what it asked for was not done, and writing it into the
    # history, as a replay of any other outcome does, would not do it.
    if queue == SUPPRESSIONS_QUEUE:
        return REASON_SUPPRESSION_REFUSED
    if queue == OUTCOMES_QUEUE and reason == _REJECTED:
        return REASON_OUTCOME_REFUSED
    return reason or REASON_UNKNOWN


def _digest_of(body: bytes, reason: str) -> str:
    distinction = f"{reason}:".encode() if reason == REASON_SUPPRESSION_REFUSED else b""
    return hashlib.sha256(distinction + body).hexdigest()


def _plain(headers: Mapping[str, object]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in list(headers.items())[:_HEADERS]:
        key = _text(name) or ""
        match value:
            case bool():
                plain[key] = value
            case int() if abs(value) <= _LARGEST_INTEGER:
                plain[key] = value
            case float() if math.isfinite(value):
                plain[key] = value
            case str() | bytes():
                plain[key] = _text(value, _DETAIL_CHARACTERS)
            case _:
                continue
    return plain


def _text(value: object, characters: int = _WORD_CHARACTERS) -> str | None:
    """A text that UTF-8 and PostgreSQL can hold; None where there is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str) or not value:
        return None
    storable = value.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
    return storable[:characters]

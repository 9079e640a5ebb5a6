"""A dead letter, which of them are meant, and the job that works many of them off."""

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json

from api_gateway.domain.notification import TimelineEvent
from contracts.notification import NotificationType

_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)


class LetterState(StrEnum):
    """Whether somebody has decided about a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class ClosingAction(StrEnum):
    """What can be decided about an open dead letter."""

    REPLAY = "replay"
    DISCARD = "discard"


@dataclass(frozen=True)
class DeadLetter:
    """What was given up, without the message itself, which may be large.

    Attributes:
        id: UUIDv7.
        delivery_id: None: when it was received it could not be read as a delivery.
        generation: Of the delivery; 0 without one.
        notification_type: As the message named it.
        recipient: The delivery's address, where the delivery is known here.
        reason: A stable word for why.
        headers: The message's headers, plain values only.
        closed_by: Caller id of who replayed or discarded it.
        job_id: The job that closed it, or passed over it last.
        erased_at: When the variables in its message were erased.
    """

    id: UUID
    delivery_id: UUID | None
    generation: int
    notification_id: UUID | None
    notification_type: str | None
    client_id: str | None
    template_code: str | None
    reason: str
    detail: str | None
    headers: dict[str, Any]
    received_at: datetime
    state: LetterState = LetterState.OPEN
    closed_at: datetime | None = None
    closed_by: str | None = None
    job_id: UUID | None = None
    recipient: str | None = None
    erased_at: datetime | None = None


@dataclass(frozen=True)
class ExaminedLetter:
    """A dead letter in full.

    Attributes:
        body: The bytes that were received, or what is left of them.
        attempts: Everything that happened to its delivery, in all of its generations.
    """

    letter: DeadLetter
    body: bytes
    attempts: tuple[TimelineEvent, ...]


@dataclass(frozen=True)
class LetterFilter:
    """Which dead letters are meant; None: any.

    Attributes:
        received_from: Received then or later.
        received_to: Received before.
    """

    notification_type: NotificationType | None = None
    reason: str | None = None
    template_code: str | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None


@dataclass(frozen=True)
class Selection:
    """The open dead letters that a job is for: those with these ids, or those of a filter."""

    ids: tuple[UUID, ...] | None = None
    filter: LetterFilter = field(default=LetterFilter())


@dataclass(frozen=True)
class SelectionCount:
    """How many open dead letters a selection holds.

    Attributes:
        total: All of them.
        by_reason: The most frequent reasons first.
        by_template: The most frequent templates first; None: no delivery, so no template.
    """

    total: int
    by_reason: tuple[tuple[str, int], ...]
    by_template: tuple[tuple[str | None, int], ...]


class JobState(StrEnum):
    """Whether a job still has letters before it."""

    RUNNING = "running"
    COMPLETED = "completed"


@dataclass(frozen=True)
class DeadLetterJob:
    """Many dead letters to be replayed or discarded, worked off by the relays.

    Attributes:
        until: Letters received later are not part of it; so a replay that fails again is not
            replayed for ever.
        total: Open letters when it was made.
        done: Letters closed by it.
        skipped: Letters that were refused, or closed by somebody else first.
    """

    id: UUID
    action: ClosingAction
    selection: Selection
    until: datetime
    requested_by: str
    created_at: datetime
    total: int
    done: int = 0
    skipped: int = 0
    state: JobState = JobState.RUNNING
    finished_at: datetime | None = None


@dataclass(frozen=True)
class ShownBody:
    """The bytes of a dead letter for people: as JSON, or as base64 with a note on why."""

    document: Any = None
    base64: str | None = None
    note: str | None = None


def parse_id(text: str) -> UUID | None:
    """The id of a letter or a job, or None if none can have this one."""
    return UUID(text) if _ID.fullmatch(text) else None


def show_body(body: bytes) -> ShownBody:
    """Make bytes readable, without changing what they say."""
    try:
        # Takes no NaN, no half surrogate pair, and only as deep as can be written again …
        document = from_json(body, allow_inf_nan=False)
        json.dumps(document, allow_nan=False)  # … but reads 1e999 as infinity.
        return ShownBody(document=document)
    except ValueError as error:
        encoded = binascii.b2a_base64(body, newline=False).decode("ascii")
        return ShownBody(base64=encoded, note=f"This is not JSON, so it is in base64: {error}.")


def selection_document(selection: Selection) -> dict[str, Any]:
    """A selection as a JSON document, in the words of the API."""
    if selection.ids is not None:
        return {"ids": [str(letter_id) for letter_id in selection.ids]}
    one = selection.filter
    values = {
        "notification_type": one.notification_type.value if one.notification_type else None,
        "reason": one.reason,
        "template_code": one.template_code,
        "received_from": one.received_from.isoformat() if one.received_from else None,
        "received_to": one.received_to.isoformat() if one.received_to else None,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return {"filter": given} if given else {"all": True}


def parse_selection(document: Mapping[str, Any]) -> Selection:
    """The opposite of `selection_document`."""
    if "ids" in document:
        return Selection(ids=tuple(UUID(text) for text in document["ids"]))
    values = dict(document.get("filter", {}))
    if "notification_type" in values:
        values["notification_type"] = NotificationType(values["notification_type"])
    for name in ("received_from", "received_to"):
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    return Selection(filter=LetterFilter(**values))

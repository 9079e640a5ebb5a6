"""Reports that mail servers send about a mail, read strictly (RFC 3462, RFC 3464, RFC 6533).

Whoever can send mail can send us anything here. So the two levels that a report has are taken apart
by hand, in time that grows with the size and no faster; the `email` package descends into whatever
is nested, and its reading of parameters is quadratic.
"""

import binascii
import quopri
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

_HEAD_BYTES: Final = 64 * 1024
_CONTENT_TYPE_CHARACTERS: Final = 1_000
_DATE_CHARACTERS: Final = 100
_PARTS: Final = 20
_RECIPIENTS: Final = 50
_STATUS: Final = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?![0-9.])")
_SMTP_REPLY: Final = re.compile(r"[245][0-9]{2}[ -](?P<status>[245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_UNSPECIFIC: Final = ".0.0"
_STATUS_TYPES: Final = {"message/delivery-status", "message/global-delivery-status"}
_RETURNED_TYPES: Final = {
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
}


class Action(StrEnum):
    """What became of the mail for one recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """One recipient's part of a report.

    Attributes:
        action: What became of it.
        status: Enhanced code (RFC 3463): `5.1.1`.
        recipients: The address, first as we gave it, if the report says so, then as it ended.
        diagnostic: The server's own words; empty where it has none.
    """

    action: Action
    status: str
    recipients: tuple[str, ...]
    diagnostic: str


@dataclass(frozen=True, slots=True)
class DeliveryStatusReport:
    """A report, as far as we use it.

    Attributes:
        envelope_id: What the mail's envelope was called when we handed it over.
        recipients: At least one.
        returned: Headers of the mail itself, by lower-case name; empty where none came back.
        written_at: When it says that it was written; None where it says nothing readable.
    """

    envelope_id: str | None
    recipients: tuple[RecipientStatus, ...]
    returned: Mapping[str, str]
    written_at: datetime | None = None


class NotAReportError(ValueError):
    """The mail is no delivery status report that can be read; the message says why."""


def parse_delivery_status(raw: bytes) -> DeliveryStatusReport:
    """Read a whole mail that should be a report.

    Args:
        raw: As the mail server has it; line ends may be LF. A mail that was cut short can be read
            if the report itself is whole.

    Raises:
        NotAReportError: It is something else: an automatic reply, a spam report, a letter.
    """
    head, body = _split(raw.replace(b"\r\n", b"\n"))
    headers = _fields(head)
    status: bytes | None = None
    returned: Mapping[str, str] = {}
    for part in _parts(body, _boundary(headers)):
        part_head, content = _split(part)
        fields = _fields(part_head)
        kind = _content_type(fields).get_content_type()
        if kind in _STATUS_TYPES and status is None:
            status = _decoded(content, fields)
        elif kind in _RETURNED_TYPES and not returned:
            # Line ends once more: they may have been inside base64
            returned = _fields(_split(b"\n" + _decoded(content, fields).lstrip(b"\n"))[0])
    if status is None:
        msg = "it has no part of the type message/delivery-status"
        raise NotAReportError(msg)
    message, *recipients = (_fields(block) for block in _blocks(status))
    return DeliveryStatusReport(
        envelope_id=message.get("original-envelope-id"),
        recipients=tuple(_recipient(fields) for fields in recipients),
        returned=returned,
        written_at=_date(headers.get("date", "")),
    )


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text[:_DATE_CHARACTERS])
    except (ValueError, OverflowError):
        return None
    # In whole seconds: the end of it, or it would stand before what it follows upon.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) + timedelta(milliseconds=999)


def _boundary(fields: Mapping[str, str]) -> bytes:
    content_type = _content_type(fields)
    kind = content_type.get_content_type()
    if kind != "multipart/report":
        msg = f"it is {kind}, and a delivery status report is multipart/report"
        raise NotAReportError(msg)
    report_type = str(content_type.get_param("report-type", "delivery-status")).lower()
    if report_type != "delivery-status":
        msg = f"it is a report of another kind: {report_type[:50]!r}"
        raise NotAReportError(msg)
    boundary = content_type.get_boundary()
    if not boundary:
        msg = "its parts are not separated: the boundary is missing"
        raise NotAReportError(msg)
    return boundary.encode("utf-8", "replace")


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    delimiter = re.compile(rb"(?:^|\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\n|$)")
    start: int | None = None
    for number, found in enumerate(delimiter.finditer(body)):
        if start is not None:
            yield body[start : found.start()]
        if found[1] or number >= _PARTS:
            return
        start = found.end()
    if start is not None:
        yield body[start:]


def _blocks(status: bytes) -> list[bytes]:
    """The group of fields about the mail, then one for each recipient (RFC 3464 §2.1)."""
    blocks = [block for block in re.split(rb"\n[ \t]*\n", status) if block.strip()]
    if len(blocks) < 2:
        msg = "its delivery status names no recipient"
        raise NotAReportError(msg)
    return blocks[: 1 + _RECIPIENTS]


def _recipient(fields: Mapping[str, str]) -> RecipientStatus:
    action = fields.get("action", "").partition("(")[0].strip().lower()
    if action not in set(Action):
        msg = f"the action {action[:50]!r} of a recipient is not one of RFC 3464"
        raise NotAReportError(msg)
    diagnostic_type, _, diagnostic = fields.get("diagnostic-code", "").partition(";")
    diagnostic = diagnostic.strip()
    status = _STATUS.match(fields.get("status", ""))
    if status is None:
        msg = "the status of a recipient is not one of RFC 3463"
        raise NotAReportError(msg)
    code = status[0]
    reply = _SMTP_REPLY.match(diagnostic) if diagnostic_type.strip().lower() == "smtp" else None
    if code.endswith(_UNSPECIFIC) and reply and reply["status"][0] == code[0]:
        code = reply["status"]  # Exim says 5.0.0 and leaves the rest to the reply
    addresses = (fields.get("original-recipient"), fields.get("final-recipient"))
    return RecipientStatus(
        action=Action(action),
        status=code,
        recipients=tuple(each.partition(";")[2].strip() for each in addresses if each),
        diagnostic=diagnostic,
    )


def _split(text: bytes) -> tuple[bytes, bytes]:
    """Head and body. A part that begins with an empty line has no head."""
    head, _, body = text.removeprefix(b"\n").partition(b"\n\n")
    return head, body


def _fields(head: bytes) -> dict[str, str]:
    """Fields by lower-case name, unfolded; the first of each name counts."""
    if len(head) > _HEAD_BYTES:
        msg = f"a header of it is larger than {_HEAD_BYTES} bytes"
        raise NotAReportError(msg)
    fields: dict[str, str] = {}
    for line in re.sub(r"\n(?=[ \t])", "", head.decode("utf-8", "replace")).split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _content_type(fields: Mapping[str, str]) -> Message:
    value = fields.get("content-type", "text/plain")
    if len(value) > _CONTENT_TYPE_CHARACTERS:
        msg = "its Content-Type is too long"
        raise NotAReportError(msg)
    message = Message()
    message["Content-Type"] = value
    return message


def _decoded(content: bytes, fields: Mapping[str, str]) -> bytes:
    encoding = fields.get("content-transfer-encoding", "7bit").lower()
    try:
        if encoding == "base64":
            return b64decode(content).replace(b"\r\n", b"\n")
        if encoding == "quoted-printable":
            return quopri.decodestring(content).replace(b"\r\n", b"\n")
    except binascii.Error as error:
        msg = "a part of it is not the base64 that it claims to be"
        raise NotAReportError(msg) from error
    return content

"""How a mail's index entry is written to `mails.jsonl` and read back after a restart."""

import json
from typing import Any

from devstack.sandbox.inbox.mail import Address, Mail


def encode_mail(mail: Mail) -> bytes:
    """One line of JSON with its newline."""
    record = {
        "id": mail.id,
        "message_id": mail.message_id,
        "from": _pair(mail.sender),
        "to": [_pair(address) for address in mail.to],
        "cc": [_pair(address) for address in mail.cc],
        "bcc": [_pair(address) for address in mail.bcc],
        "reply_to": [_pair(address) for address in mail.reply_to],
        "subject": mail.subject,
        "created": mail.created,
        "size": mail.size,
        "offset": mail.offset,
        "return_path": mail.return_path,
    }
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def encode_removal(ids: list[str]) -> bytes:
    """The line that says that these mails were deleted."""
    return json.dumps({"removed": ids}).encode() + b"\n"


def decode_line(line: bytes) -> Mail | list[str]:
    """Return the mail of a line, or the ids that it removes."""
    record: dict[str, Any] = json.loads(line)
    if "removed" in record:
        return list(record["removed"])
    return Mail(
        id=record["id"],
        message_id=record["message_id"],
        sender=Address(*record["from"]),
        to=_addresses(record["to"]),
        cc=_addresses(record["cc"]),
        bcc=_addresses(record["bcc"]),
        reply_to=_addresses(record["reply_to"]),
        subject=record["subject"],
        created=record["created"],
        size=record["size"],
        offset=record["offset"],
        return_path=record["return_path"],
    )


def _pair(address: Address) -> list[str]:
    return [address.name, address.address]


def _addresses(pairs: list[list[str]]) -> tuple[Address, ...]:
    return tuple(Address(*pair) for pair in pairs)

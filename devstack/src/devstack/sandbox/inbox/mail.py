"""One mail as the index keeps it, and how its headers are read from the raw bytes.

Only the header block is read when a mail arrives, by hand: the parser of the standard library costs
more than the whole SMTP dialogue. Bodies are parsed when somebody looks at them.
"""

import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import getaddresses

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox with its display name, which is empty where there is none."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


@dataclass(slots=True)
class Mail:
    """What is known of a mail without its body; `offset` and `size` locate the body, in bytes."""

    id: str
    message_id: str
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    created: float
    size: int
    offset: int
    return_path: str
    read: bool = field(default=False, compare=False)
    to_text: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Kept because `to:` is what everybody polls for: it makes a search over 100,000 mails
        # ten times faster.
        self.to_text = " ".join(str(address) for address in self.to).lower()


class MailHeaders:
    """The header block of a raw mail, by lower-case name, decoded on access."""

    def __init__(self, raw: bytes) -> None:
        end = _HEADER_END.search(raw)
        block = raw[: end.start()] if end else raw
        self._values: dict[str, list[str]] = {}
        for line in _FOLD.sub(b" ", block).splitlines():
            name, colon, value = line.partition(b":")
            if colon:
                self._values.setdefault(name.strip().decode("ascii", "replace").lower(), []).append(
                    value.strip().decode("utf-8", "replace")
                )

    def text(self, name: str) -> str:
        """First value of the header, RFC 2047 words decoded; empty when absent."""
        values = self._values.get(name.lower())
        return _decoded(values[0]) if values else ""

    def addresses(self, name: str) -> tuple[Address, ...]:
        """All mailboxes named in every occurrence of the header."""
        pairs = getaddresses(self._values.get(name.lower(), []))
        return tuple(Address(_decoded(display), address) for display, address in pairs if address)


def read_mail(
    raw: bytes, *, mail_id: str, created: float, offset: int, mail_from: str, recipients: list[str]
) -> tuple[Mail, MailHeaders]:
    """Describe a mail just received; envelope recipients named in no header become its Bcc."""
    headers = MailHeaders(raw)
    to, cc = headers.addresses("To"), headers.addresses("Cc")
    named = {address.address.lower() for address in (*to, *cc)}
    hidden = (Address("", rcpt) for rcpt in recipients if rcpt.lower() not in named)
    senders = headers.addresses("From")
    mail = Mail(
        id=mail_id,
        message_id=headers.text("Message-ID").strip("<>"),
        sender=senders[0] if senders else Address("", mail_from),
        to=to,
        cc=cc,
        bcc=tuple(hidden),
        reply_to=headers.addresses("Reply-To"),
        subject=headers.text("Subject"),
        created=created,
        size=len(raw),
        offset=offset,
        return_path=mail_from,
    )
    return mail, headers


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return value  # a header that lies about its encoding is shown as it came

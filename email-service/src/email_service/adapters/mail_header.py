"""Header lines that say what they were given and nothing more (RFC 5322 §2.2, RFC 2047)."""

import re
from email.header import Header
from typing import Final

from email_service.adapters.email_address import EmailAddress

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LINE_LENGTH: Final = 76
"""RFC 5322 asks for at most 78 with the name; longer text goes into encoded words, which fold."""
_SPECIALS: Final = re.compile(r'(["\\])')


def text_header(name: str, text: str) -> str:
    """A header of free text, folded, ending in CRLF.

    Control characters become spaces, and white space at the ends is dropped, as readers do.
    """
    return f"{name}: {_encode(name, text)}\r\n"


def address_header(name: str, address: EmailAddress, display_name: str = "") -> str:
    """A header of exactly one address, ending in CRLF."""
    phrase = _encode(name, display_name, quoted=True)
    return f"{name}: {phrase} <{address}>\r\n" if phrase else f"{name}: {address}\r\n"


def _encode(name: str, text: str, *, quoted: bool = False) -> str:
    text = _CONTROLS.sub(" ", text).strip()
    # "=?" would be read as the start of an encoded word
    if text.isascii() and "=?" not in text and len(name) + len(text) + 2 <= _LINE_LENGTH:
        return _quote(text) if quoted and text else text
    header = Header(text, "utf-8", maxlinelen=_LINE_LENGTH, header_name=name)
    return header.encode(linesep="\r\n")


def _quote(text: str) -> str:
    escaped = _SPECIALS.sub(r"\\\1", text)
    return f'"{escaped}"'

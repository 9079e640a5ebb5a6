"""Addresses as SMTP and message headers take them.

Only the dot-atom form of RFC 5322 §3.4.1 is let through, extended to Unicode by RFC 6531; quoted
local parts, comments and domain literals are refused. So no address can hold a character that
separates recipients or ends a line.
"""

import re
from dataclasses import dataclass
from typing import Final

import idna

_LOCAL_PART: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+"
    r"(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+)*"
)
_ENCODED_WORD: Final = "=?"
"""Many readers decode these also in addresses, against RFC 2047 §5, and find commas in them."""
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?")
_LOCAL_PART_OCTETS: Final = 64  # RFC 5321 §4.5.3.1.1
_ADDRESS_OCTETS: Final = 254  # RFC 5321 §4.5.3.1.3: a path of 256 with its angle brackets


class EmailAddressError(ValueError):
    """The text is not an address that mail can be sent to."""


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address with its domain in ASCII.

    Attributes:
        local_part: Unicode, as it was given: only its own server may interpret it.
        domain: A-labels (`xn--…`), which every server takes.
    """

    local_part: str
    domain: str

    @property
    def needs_smtputf8(self) -> bool:
        """Whether a server must offer SMTPUTF8 (RFC 6531): a local part has no ASCII form."""
        return not self.local_part.isascii()

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}"


def parse_email_address(text: str) -> EmailAddress:
    """Read one bare address, without display name or angle brackets.

    Raises:
        EmailAddressError: Says what is wrong, without repeating the address.
    """
    local_part, at, domain = text.rpartition("@")
    if not at:
        msg = "the address has no @"
        raise EmailAddressError(msg)
    if not _LOCAL_PART.fullmatch(local_part) or not local_part.isprintable():
        msg = "the part before the @ is empty or holds characters that are not allowed there"
        raise EmailAddressError(msg)
    if _ENCODED_WORD in local_part:
        msg = "the part before the @ could be read as an encoded word, so as another address"
        raise EmailAddressError(msg)
    address = EmailAddress(local_part, _to_ascii_domain(domain))
    if (
        len(local_part.encode()) > _LOCAL_PART_OCTETS
        or len(str(address).encode()) > _ADDRESS_OCTETS
    ):
        msg = "the address is too long"
        raise EmailAddressError(msg)
    return address


def _to_ascii_domain(domain: str) -> str:
    if not domain.isascii():
        try:
            # UTS 46 maps what people type (capitals, full-width forms) before IDNA 2008 encodes
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError as error:
            msg = "the domain is not a valid internationalised name"
            raise EmailAddressError(msg) from error
    if not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        msg = "the domain is not a valid host name"
        raise EmailAddressError(msg)
    return domain

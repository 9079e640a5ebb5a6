"""What an SMTP server's reply says beyond its three digits."""

import re
from typing import Final

_ENHANCED: Final = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\S)")

_QUEUE_ID: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bqueued as ([!-~]{1,128})",  # Postfix, Mailpit, SendGrid
        r"\bid=([!-~]{1,128})",  # Exim
        r"^(?:2\.\d\.\d )?([!-~]{1,128}) Message accepted for delivery",  # Sendmail
        r"^Ok ([0-9a-z-]{16,128})$",  # Amazon SES
        r"^(?:2\.\d\.\d )?OK\s+\d+ ([!-~]{1,128}) - gsmtp",  # Gmail
    )
)


def enhanced_code(text: str) -> str | None:
    """The RFC 3463 code at the start of a reply's text (RFC 2034), such as `5.1.1`."""
    found = _ENHANCED.match(text)
    return ".".join(found.groups()) if found else None


def queue_id(text: str) -> str | None:
    """The SMTP server's own name for a message it took, where its wording is known."""
    for pattern in _QUEUE_ID:
        if found := pattern.search(text):
            return found[1].rstrip(".,;)")
    return None

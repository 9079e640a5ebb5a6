"""Where somebody is signed in, and the token by which they stay so.

A refresh token is good for one use, which gives the next one. Whoever shows one that was used
before has stolen it, or was stolen from: the whole session ends (RFC 9700 section 4.14.2).
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from servicekit.authentication import digest_of

SECRET_BYTES: Final = 32
LIFETIME: Final = timedelta(days=30)
"""Since the last use."""
MOST_SESSIONS: Final = 20
"""Of one user; the oldest gives way to the next."""

_PREFIX: Final = "nr_"
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in, with the SHA-256 (hex) of its present refresh token."""

    id: UUID
    user_id: UUID
    digest: str
    created_at: datetime
    expires_at: datetime

    def continued(self, shown: str, following: str, now: datetime) -> "Session | None":
        """The session after a token was shown; None: it is over.

        Args:
            shown: The token.
            following: The next one, which counts from now on.
            now: The time, in UTC.
        """
        if now >= self.expires_at or not hmac.compare_digest(digest_of(shown), self.digest):
            return None
        return replace(self, digest=digest_of(following), expires_at=now + LIFETIME)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token and its lifetime in seconds."""

    token: str = field(repr=False)
    expires_in: int = int(LIFETIME.total_seconds())


def spell_token(session_id: UUID, secret: bytes) -> str:
    """`nr_`, then the session's id and `SECRET_BYTES` random bytes in base64url."""
    return _PREFIX + base64.urlsafe_b64encode(session_id.bytes + secret).decode()


def session_of(token: str) -> UUID | None:
    """Whose token it says it is; None: it is no refresh token."""
    if not token.startswith(_PREFIX) or not token.isascii():
        return None
    try:
        content = base64.b64decode(token.removeprefix(_PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(content) != _ID_BYTES + SECRET_BYTES:
        return None
    return UUID(bytes=content[:_ID_BYTES])

"""Access tokens that carry their own expiry and scopes, sealed with a key of the data folder.

Nothing is remembered, so tokens outlive a restart of the sandbox, as Google's outlive anything.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

PREFIX = "ya29."
LIFETIME = 3599  # seconds, as Google answers


class ExpiredTokenError(Exception):
    """The token was good once."""


class UnknownTokenError(Exception):
    """The token was not issued here."""


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Issues and opens tokens; `now` is in seconds since the epoch."""

    key: bytes
    now: Callable[[], float]

    def issue(self, scopes: frozenset[str]) -> str:
        """A token for these scopes, good for LIFETIME seconds."""
        claims = {"exp": self.now() + LIFETIME, "scopes": sorted(scopes)}
        claims["nonce"] = secrets.token_hex(8)
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        return f"{PREFIX}{payload}.{self._seal(payload)}"

    def scopes(self, token: str) -> frozenset[str]:
        """The scopes of a token; raises UnknownTokenError or ExpiredTokenError."""
        payload, _, seal = token.removeprefix(PREFIX).partition(".")
        if not token.startswith(PREFIX) or not token.isascii():
            raise UnknownTokenError
        if not hmac.compare_digest(seal, self._seal(payload)):
            raise UnknownTokenError
        claims = json.loads(base64.urlsafe_b64decode(payload))
        if claims["exp"] <= self.now():
            raise ExpiredTokenError
        return frozenset(claims["scopes"])

    def _seal(self, payload: str) -> str:
        return hmac.new(self.key, payload.encode(), hashlib.sha256).hexdigest()

"""The signed JWT with which a service account asks for a token, checked as Google checks it.

Rules: https://developers.google.com/identity/protocols/oauth2/service-account, RFC 7523. The texts
are Google's, as quoted in public bug reports.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

FCM_SCOPES = frozenset(
    {
        "https://www.googleapis.com/auth/firebase.messaging",
        "https://www.googleapis.com/auth/cloud-platform",
    }
)
LONGEST_LIFE = 3600  # seconds between iat and exp
SKEW = 300  # seconds by which the two clocks may differ

_TIMEFRAME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


class InvalidAssertionError(Exception):
    """The token endpoint answers 400; `error` is OAuth's code, str() the description."""

    def __init__(self, description: str, error: str = "invalid_grant") -> None:
        super().__init__(description)
        self.error = error


@dataclass(frozen=True, slots=True)
class AssertionVerifier:
    """Knows one service account. `key_id` None accepts any key id."""

    client_email: str
    public_key: RSAPublicKey
    key_id: str | None
    audiences: frozenset[str]

    def verify(self, assertion: str, now: float) -> frozenset[str]:
        """Return the scopes granted, or raise InvalidAssertionError; `now` is in seconds."""
        parts = assertion.split(".")
        if len(parts) != 3:
            raise InvalidAssertionError("Bad Request")
        header, claims = _json_part(parts[0]), _json_part(parts[1])
        if header.get("alg") != "RS256":
            raise InvalidAssertionError("Invalid JWT: Only RS256 is supported.")
        if claims.get("iss") != self.client_email:
            raise InvalidAssertionError("Invalid grant: account not found")
        if self.key_id is not None and header.get("kid") not in (None, self.key_id):
            raise InvalidAssertionError("Invalid JWT Signature.")
        self._check_signature(parts)
        self._check_audience(claims.get("aud"))
        _check_time(claims, now)
        return _scopes(claims.get("scope"))

    def _check_signature(self, parts: list[str]) -> None:
        signed = f"{parts[0]}.{parts[1]}".encode()
        try:
            self.public_key.verify(_decode(parts[2]), signed, PKCS1v15(), SHA256())
        except InvalidSignature:
            raise InvalidAssertionError("Invalid JWT Signature.") from None

    def _check_audience(self, audience: Any) -> None:
        if not isinstance(audience, str) or audience not in self.audiences:
            right = " or ".join(sorted(self.audiences))
            raise InvalidAssertionError(
                f"Invalid JWT: Failed audience check. The right audience is {right}"
            )


def _check_time(claims: dict[str, Any], now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    for value in (issued, expires):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidAssertionError(_TIMEFRAME)
    assert isinstance(issued, int | float)
    assert isinstance(expires, int | float)
    lived = 0 < expires - issued <= LONGEST_LIFE
    if not lived or issued > now + SKEW or expires <= now - SKEW:
        raise InvalidAssertionError(_TIMEFRAME)


def _scopes(scope: Any) -> frozenset[str]:
    scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset[str]()
    if not scopes & FCM_SCOPES:
        raise InvalidAssertionError(
            "Invalid OAuth scope or ID token audience provided.", "invalid_scope"
        )
    return scopes


def _json_part(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decode(part))
    except (ValueError, RecursionError):
        raise InvalidAssertionError("Invalid JWT: Could not parse JWT.") from None
    if not isinstance(value, dict):
        raise InvalidAssertionError("Invalid JWT: Could not parse JWT.")
    return value


def _decode(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidAssertionError("Invalid JWT: Could not parse JWT.") from None

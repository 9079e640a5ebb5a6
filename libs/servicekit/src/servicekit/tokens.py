"""JSON Web Tokens: the only module that touches python-jose, which trusts what it is told.

python-jose accepts tokens without `exp`, and lets the token's header choose the algorithm unless
the caller fixes it; here the algorithm is a constant, the claims are required, JWE is never used.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from jose import jwt
from jose.exceptions import JOSEError

JSON = Mapping[str, Any]

ACCESS_TOKEN_ALGORITHM: Final = "ES256"
ISSUER: Final = "user-service"
AUDIENCE: Final = "notification-system"
_REQUIRED: Final = ("iss", "aud", "sub", "exp", "iat", "jti")
_REFETCH_SECONDS: Final = 10.0


class TokenError(Exception):
    """The token is not one of ours, or no longer valid; the message is for the caller."""


def sign_access_token(claims: JSON, private_key_pem: str, key_id: str) -> str:
    """Sign claims with ES256 (RFC 7518 §3.4).

    Args:
        claims: Must hold everything that verification requires.
        private_key_pem: A P-256 key.
        key_id: Goes into the header as `kid`.
    """
    token: str = jwt.encode(
        dict(claims),
        private_key_pem,
        algorithm=ACCESS_TOKEN_ALGORITHM,
        headers={"kid": key_id},
    )
    return token


def sign_service_account_assertion(claims: JSON, private_key_pem: str, key_id: str) -> str:
    """Sign claims with RS256, as OAuth servers for service accounts take them (RFC 7523)."""
    token: str = jwt.encode(
        dict(claims), private_key_pem, algorithm="RS256", headers={"kid": key_id}
    )
    return token


class TokenVerifier:
    """Verifies access tokens against the issuer's published keys (JWKS, RFC 7517).

    Args:
        fetch_keys: Reads the JWKS document; called at first use and for an unknown `kid`, at most
            every ten seconds.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        fetch_keys: Callable[[], Awaitable[JSON]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch_keys = fetch_keys
        self._monotonic = monotonic
        self._keys: dict[str, JSON] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def verify(self, token: str) -> JSON:
        """The claims of a valid token.

        Raises:
            TokenError: It is forged, expired, incomplete, or not for us.
        """
        key = await self._key_for(token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                dict(key),
                algorithms=[ACCESS_TOKEN_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={f"require_{claim}": True for claim in _REQUIRED},
            )
        except JOSEError as error:
            msg = f"The token is not valid: {error}"
            raise TokenError(msg) from error
        return claims

    async def _key_for(self, token: str) -> JSON:
        try:
            header = jwt.get_unverified_header(token)
        except JOSEError as error:
            msg = "The token is not a JSON Web Token."
            raise TokenError(msg) from error
        key_id = str(header.get("kid"))
        if self._may_fetch(key_id):
            async with self._fetching:
                if self._may_fetch(key_id):
                    document = await self._fetch_keys()
                    self._keys = {str(key["kid"]): key for key in document["keys"]}
                    self._fetched_at = self._monotonic()
        if key_id not in self._keys:
            msg = "The token was signed with a key that is not ours."
            raise TokenError(msg)
        return self._keys[key_id]

    def _may_fetch(self, key_id: str) -> bool:
        is_due = self._monotonic() - self._fetched_at > _REFETCH_SECONDS
        return key_id not in self._keys and is_due

"""JSON Web Tokens: the only module that touches python-jose, which trusts what it is told.

python-jose accepts tokens without `exp`, and lets the token's header choose the algorithm unless
the caller fixes it; here the algorithm is a constant, the claims are required, JWE is never used.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from jose import jwk, jwt
from jose.backends.base import Key
from jose.exceptions import JOSEError

from servicekit.errors import UnavailableError

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
            every ten seconds, whether it succeeds or not.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        fetch_keys: Callable[[], Awaitable[JSON]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch_keys = fetch_keys
        self._monotonic = monotonic
        self._keys: dict[str, Key] = {}
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def verify(self, token: str) -> JSON:
        """The claims of a valid token.

        Raises:
            TokenError: It is forged, expired, incomplete, or not for us.
            UnavailableError: No keys are known yet, and none can be had now.
        """
        key = await self._key_for(token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ACCESS_TOKEN_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={f"require_{claim}": True for claim in _REQUIRED},
            )
        except JOSEError as error:
            msg = f"The token is not valid: {error}"
            raise TokenError(msg) from error
        return claims

    async def _key_for(self, token: str) -> Key:
        try:
            header = jwt.get_unverified_header(token)
        except JOSEError as error:
            msg = "The token is not a JSON Web Token."
            raise TokenError(msg) from error
        key_id = str(header.get("kid"))
        if self._may_fetch(key_id):
            async with self._fetching:
                # Who waited here has what the first one fetched, or its failure.
                if self._may_fetch(key_id):
                    await self._fetch()
        if key_id in self._keys:
            return self._keys[key_id]
        if not self._keys:
            msg = "The keys that access tokens are verified by cannot be had."
            raise UnavailableError(msg, retry_after=math.ceil(self._pause_left()) or 1)
        msg = "The token was signed with a key that is not ours."
        raise TokenError(msg)

    async def _fetch(self) -> None:
        try:
            self._keys = _keys_in(await self._fetch_keys())
        except UnavailableError:
            self._tried_at = self._monotonic()
            raise
        self._tried_at = self._monotonic()

    def _may_fetch(self, key_id: str) -> bool:
        return key_id not in self._keys and self._pause_left() <= 0

    def _pause_left(self) -> float:
        return self._tried_at + _REFETCH_SECONDS - self._monotonic()


def _keys_in(document: JSON) -> dict[str, Key]:
    """The keys that can be used, by `kid`; RFC 7517 §5 has others passed over."""
    listed = document.get("keys")
    keys = {}
    for item in listed if isinstance(listed, list) else []:
        # What python-jose says of a malformed key depends on where it stumbles.
        with contextlib.suppress(JOSEError, ValueError, TypeError, KeyError, AttributeError):
            keys[str(item["kid"])] = jwk.construct(item, ACCESS_TOKEN_ALGORITHM)
    if not keys:
        msg = "The document with the keys that access tokens are verified by has none."
        raise UnavailableError(msg)
    return keys

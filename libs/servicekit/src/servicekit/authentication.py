"""Recognises callers by API key, access token or service token."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from contracts.access import ApiKeyRecord, Role
from servicekit.access import CallerKind, Credentials, Principal
from servicekit.errors import UnauthenticatedError
from servicekit.tokens import TokenError, TokenVerifier


def digest_of(secret: str) -> str:
    """SHA-256 in hex: how keys are stored and looked up.

    A fast hash is right for 256 random bits; there is nothing to guess.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class ApiKeys(Protocol):
    """Where API keys are found."""

    async def find(self, digest: str) -> ApiKeyRecord | None:
        """The key with this digest.

        Raises:
            UnavailableError: It cannot be said now.
        """
        ...


class Authenticator:
    """Recognises callers; a request that shows several credentials is judged by the first.

    Args:
        api_keys: Where API keys are found; None: this service takes none.
        tokens: Verifies access tokens; None: this service takes none.
        service_tokens: The token of each of our services that may call.
        now: The time, in UTC.
    """

    def __init__(
        self,
        *,
        api_keys: ApiKeys | None = None,
        tokens: TokenVerifier | None = None,
        service_tokens: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._api_keys = api_keys
        self._tokens = tokens
        self._service_tokens = dict(service_tokens or {})
        self._now = now

    async def __call__(self, credentials: Credentials) -> Principal:
        """The caller.

        Raises:
            UnauthenticatedError: There are no valid credentials.
        """
        if credentials.service_token is not None:
            return self._service(credentials.service_token)
        if credentials.api_key is not None and self._api_keys is not None:
            return await self._application(credentials.api_key, self._api_keys)
        if credentials.bearer is not None and self._tokens is not None:
            return await self._person(credentials.bearer, self._tokens)
        msg = "Send an X-API-Key header or an Authorization: Bearer header."
        raise UnauthenticatedError(msg, headers={"WWW-Authenticate": "Bearer"})

    def _service(self, header: str) -> Principal:
        name, _, token = header.partition(":")
        expected = self._service_tokens.get(name, "")
        if not expected or not hmac.compare_digest(token.encode(), expected.encode()):
            msg = "The service token is not valid."
            raise UnauthenticatedError(msg)
        return Principal(CallerKind.SERVICE, name)

    async def _application(self, key: str, api_keys: ApiKeys) -> Principal:
        record = await api_keys.find(digest_of(key))
        if record is None or not record.admits_at(self._now()):
            msg = "The API key is not valid."
            raise UnauthenticatedError(msg)
        return Principal(
            CallerKind.APPLICATION,
            str(record.id),
            scopes=record.scopes,
            rate_per_minute=record.rate_limit_per_minute,
        )

    async def _person(self, token: str, tokens: TokenVerifier) -> Principal:
        try:
            claims = await tokens.verify(token)
            role = Role(claims.get("role", Role.USER))
        except (TokenError, ValueError) as error:
            raise UnauthenticatedError(
                str(error), headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
            ) from error
        return Principal(CallerKind.USER, str(claims["sub"]), role=role)

"""OAuth access tokens for a service account (RFC 7523), fetched once for all who need one.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from delivery.errors import TransientDeliveryError
from delivery.http_exchange import AnswerLostError, HttpAnswer, NotSentError, post
from delivery.retry_after import parse_retry_after
from push_service.adapters.service_account import ServiceAccount
from servicekit.http_client import AsyncClient
from servicekit.tokens import sign_service_account_assertion

_SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_SECONDS: Final = 3600  # the longest that Google takes
_REFRESH_AT: Final = 0.8
"""Part of a token's lifetime after which a new one is fetched, while the old one still works."""
_LAST_SECONDS: Final = 30.0
"""Towards its end a token may expire on its way."""
_SECONDS: Final = 6.0
"""For a token; with the 11 s that FCM has then, below the deadline of an attempt."""
_PAUSE_SECONDS: Final = 30.0
"""Between tries to replace a token that still works."""


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    refresh_at: float
    unusable_at: float


class GoogleAccessTokens:
    """The current access token, renewed before it expires and when it is refused.

    Args:
        account: Whose tokens.
        client: Reaches `account.token_uri`.
        wall_clock: Seconds since 1970, for the assertion's times.
        monotonic: Seconds that never go back, for the token's age.
    """

    def __init__(
        self,
        account: ServiceAccount,
        client: AsyncClient,
        *,
        wall_clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._client = client
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._token: _Token | None = None
        self._refused: str | None = None
        self._next_try = float("-inf")
        self._fetching = asyncio.Lock()

    async def current(self) -> str:
        """A token that should work.

        Only one caller fetches; the others go on with the old token as long as it works, and wait
        otherwise. A failed renewal is not felt while the old token works.

        Raises:
            TransientDeliveryError: There is none to be had; with `provider_failed`.
        """
        token = self._working()
        if token and (self._monotonic() < self._renewal_due(token) or self._fetching.locked()):
            return token.value
        async with self._fetching:
            token = self._working()
            if token and self._monotonic() < self._renewal_due(token):
                return token.value
            try:
                self._token = await self._fetch()
            except TransientDeliveryError:
                if token is None:
                    raise
                self._next_try = self._monotonic() + _PAUSE_SECONDS
                return token.value
            return self._token.value

    async def replace(self, refused: str) -> str:
        """A token other than one that was refused; fetched once for all who were refused.

        Raises:
            TransientDeliveryError: There is none to be had; with `provider_failed`.
        """
        self._refused = refused
        return await self.current()

    def _working(self) -> _Token | None:
        token = self._token
        if token and token.value != self._refused and self._monotonic() < token.unusable_at:
            return token
        return None

    def _renewal_due(self, token: _Token) -> float:
        return max(token.refresh_at, self._next_try)

    async def _fetch(self) -> _Token:
        asked_at = self._monotonic()
        form = urlencode({"grant_type": _GRANT, "assertion": self._sign_assertion()})
        try:
            answer = await post(
                self._client,
                self._account.token_uri,
                form.encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                timeout_seconds=_SECONDS,
                connect_seconds=_SECONDS,
            )
        except (NotSentError, AnswerLostError) as error:
            raise TransientDeliveryError(
                "token_server_unreachable", detail=str(error), provider_failed=True
            ) from error
        value, lifetime = self._read(answer)
        return _Token(
            value,
            refresh_at=asked_at + lifetime * _REFRESH_AT,
            unusable_at=asked_at + max(lifetime - _LAST_SECONDS, lifetime * _REFRESH_AT),
        )

    def _sign_assertion(self) -> str:
        now = int(self._wall_clock())
        claims = {
            "iss": self._account.client_email,
            "scope": _SCOPE,
            "aud": self._account.token_uri,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        return sign_service_account_assertion(
            claims, self._account.private_key, self._account.private_key_id
        )

    def _read(self, answer: HttpAnswer) -> tuple[str, float]:
        document = _parse(answer.body)
        if answer.status == 200:
            value, lifetime = document.get("access_token"), document.get("expires_in")
            if _is_header_safe(value) and isinstance(lifetime, int) and lifetime > 0:
                return str(value), float(lifetime)
            reason, detail = "token_server_failed", "the answer holds no usable access token"
        else:
            # RFC 6749 §5.2: 4xx with `error` is about us, such as invalid_grant for a deleted key
            refused = answer.status in (400, 401, 403)
            reason = "credentials_refused" if refused else "token_server_failed"
            words = (document.get("error"), document.get("error_description"))
            detail = ": ".join(word for word in words if isinstance(word, str))
        raise TransientDeliveryError(
            reason,
            detail=detail,
            reply_code=str(answer.status),
            retry_after=parse_retry_after(
                answer.headers.get("Retry-After"), datetime.fromtimestamp(self._wall_clock(), UTC)
            ),
            provider_failed=True,
        )


def _is_header_safe(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


def _parse(body: bytes | None) -> dict[str, Any]:
    try:
        document = json.loads(body or b"")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}

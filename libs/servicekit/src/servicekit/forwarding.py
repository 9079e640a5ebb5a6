"""Passes requests on to another of our services, and its answers back, as they are.

Neither side's credentials are the forwarder's: who calls is judged by the service behind. Only
what belongs to one connection, and what our own services show to each other, does not pass.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from servicekit.correlation import CORRELATION_HEADER, TRACEPARENT_HEADER
from servicekit.errors import UnavailableError
from servicekit.http_client import AsyncClient, ConnectError, HttpResponse, TransportError
from servicekit.local_breaker import LocalBreaker
from servicekit.metrics import Metrics
from servicekit.service_tokens import SERVICE_TOKEN_HEADER

DEADLINE_SECONDS: Final = 10.0
"""For the whole answer; hashing a password under load is the slowest there is."""

# RFC 9110 section 7.6.1, and what its predecessors had.
_OF_ONE_CONNECTION: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_NOT_PASSED_ON: Final = _OF_ONE_CONNECTION | {
    # Nobody outside is one of our services, whatever they show.
    SERVICE_TOKEN_HEADER.lower(),
    # Ours: of another host, computed anew, decoded here, or taken over only where well formed.
    *("host", "content-length", "accept-encoding", "expect", "forwarded"),
    *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"),
    *(CORRELATION_HEADER.lower(), TRACEPARENT_HEADER),
}
_NOT_PASSED_BACK: Final = _OF_ONE_CONNECTION | {
    *("content-length", "content-encoding", "date", "server", CORRELATION_HEADER.lower()),
}

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Forwarded:
    """What is passed on.

    Attributes:
        target: Path and query, encoded.
        headers: Of the request; what does not pass is left out here.
        client: The caller's address, where it is known.
    """

    method: str
    target: str
    headers: Iterable[tuple[str, str]]
    body: bytes
    client: str | None


@dataclass(frozen=True)
class ForwardedAnswer:
    """What came back, whatever its status."""

    status: int
    headers: Headers
    body: bytes


class Forwarder:
    """Passes requests on to one service. Nothing is tried twice: it may have had its effect.

    Args:
        name: The service's, for messages and metrics.
        client: With the service's base address, and without a service token.
        deadline_seconds: For a request with its answer.
        metrics: Show the breaker.
    """

    def __init__(
        self,
        name: str,
        client: AsyncClient,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        metrics: Metrics | None = None,
    ) -> None:
        self._name = name
        self._client = client
        self._deadline_seconds = deadline_seconds
        self._breaker = LocalBreaker(
            f"{name}-door", probe_seconds=deadline_seconds + 1, metrics=metrics
        )

    async def __call__(self, request: Forwarded) -> ForwardedAnswer:
        """Pass a request on.

        Raises:
            UnavailableError: The service did not answer, or has not for a while. Where it could
                be reached, what was asked for may have been done.
        """
        permit = self._breaker.permit()
        if permit is None:
            msg = f"{self._name} has not answered for a while."
            raise UnavailableError(msg, retry_after=max(1, ceil(self._breaker.wait_seconds)))
        try:
            async with asyncio.timeout(self._deadline_seconds):
                response = await self._client.request(
                    request.method,
                    request.target,
                    headers=_passed_on(request),
                    content=request.body,
                )
        except ConnectError as error:
            self._breaker.failed(permit)
            raise UnavailableError(f"{self._name} cannot be reached.") from error
        except (TransportError, TimeoutError) as error:
            self._breaker.failed(permit)
            msg = f"{self._name} did not answer; what was asked for may have been done."
            raise UnavailableError(msg) from error
        except BaseException:
            # The caller has gone, or a defect of ours: nothing is known of the service.
            self._breaker.unused(permit)
            raise
        self._breaker.succeeded(permit)
        return _answer_of(response)


def _passed_on(request: Forwarded) -> Headers:
    headers = [(name, value) for name, value in request.headers if _passes(name, _NOT_PASSED_ON)]
    headers.append(("accept-encoding", "identity"))
    if request.client is not None:
        headers.append(("x-forwarded-for", request.client))
    return headers


def _answer_of(response: HttpResponse) -> ForwardedAnswer:
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if _passes(name, _NOT_PASSED_BACK)
    ]
    return ForwardedAnswer(response.status_code, headers, response.content)


def _passes(name: str, without: Iterable[str]) -> bool:
    return name.lower() not in without


Forwarders = Mapping[str, Forwarder]
"""By the service's name."""

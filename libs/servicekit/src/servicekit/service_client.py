"""Idempotent reads from our own services: short retries, one deadline, a breaker, plain errors.

A service that is away costs its first callers their deadline and all others nothing: while its
breaker is open they are refused at once.
"""

import asyncio
import time
from collections.abc import Callable
from math import ceil
from typing import Any, Final

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from servicekit.breaker import BreakerRules, Permit
from servicekit.errors import UnavailableError
from servicekit.http_client import AsyncClient, HttpResponse, TransportError, UnreadableError
from servicekit.local_breaker import SERVICE_RULES, LocalBreaker
from servicekit.metrics import Metrics

_ATTEMPTS: Final = 2
_PROBE_MARGIN_SECONDS: Final = 1.0


class ServiceClient:
    """Reads from one of our services.

    A failure, for the breaker, is a read that with all its retries got no answer or a 5xx.

    Args:
        name: The service's name, for messages and metrics.
        client: With base address and service token.
        deadline_seconds: For a read with all its retries.
        breaker_rules: When reads are refused at once.
        monotonic: Seconds that never go back; the breaker's clock.
        metrics: Show the breaker.
    """

    def __init__(
        self,
        name: str,
        client: AsyncClient,
        *,
        deadline_seconds: float = 2.0,
        breaker_rules: BreakerRules = SERVICE_RULES,
        monotonic: Callable[[], float] = time.monotonic,
        metrics: Metrics | None = None,
    ) -> None:
        self._name = name
        self._client = client
        self._deadline_seconds = deadline_seconds
        self._breaker = LocalBreaker(
            name,
            probe_seconds=deadline_seconds + _PROBE_MARGIN_SECONDS,
            rules=breaker_rules,
            monotonic=monotonic,
            metrics=metrics,
        )

    async def get(self, path: str, params: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The body of a 200, or None for a 404.

        Raises:
            UnavailableError: It did not answer in time, or with anything else, or is left alone
                because it did so several times in a row.
        """
        response = await self._read("GET", path, params=params)
        return None if response.status_code == 404 else self._object_in(response)

    async def ask(self, path: str, question: dict[str, Any]) -> dict[str, Any] | None:
        """The same for a question that is too long for an address: a POST that changes nothing.

        Raises:
            UnavailableError: As for `get`.
        """
        response = await self._read("POST", path, json=question)
        return None if response.status_code == 404 else self._object_in(response)

    async def _read(self, method: str, path: str, **content: Any) -> HttpResponse:
        permit = self._permit()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                response = await self._try(method, path, **content)
        except (TransportError, TimeoutError) as error:
            self._breaker.failed(permit)
            msg = f"{self._name} does not answer."
            raise UnavailableError(msg) from error
        except UnreadableError as error:
            self._breaker.succeeded(permit)
            raise self._no_object() from error
        except BaseException:
            # Cancelled, or a defect of ours: nothing is known of the service.
            self._breaker.unused(permit)
            raise
        if response.status_code >= 500:
            self._breaker.failed(permit)
        else:
            self._breaker.succeeded(permit)
        return response

    def _permit(self) -> Permit:
        permit = self._breaker.permit()
        if permit is None:
            msg = f"{self._name} has not answered for a while."
            raise UnavailableError(msg, retry_after=max(1, ceil(self._breaker.wait_seconds)))
        return permit

    async def _try(self, method: str, path: str, **content: Any) -> HttpResponse:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(TransportError),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.05, max=0.2),
            reraise=True,
        )
        return await attempts(self._client.request, method, path, **content)

    def _object_in(self, response: HttpResponse) -> dict[str, Any]:
        if response.status_code != 200:
            msg = f"{self._name} answered {response.status_code}."
            raise UnavailableError(msg)
        try:
            body = response.json()
        except ValueError as error:  # JSON and its encoding
            raise self._no_object() from error
        if not isinstance(body, dict):
            raise self._no_object()
        return body

    def _no_object(self) -> UnavailableError:
        return UnavailableError(f"{self._name} answered what is no JSON object.")

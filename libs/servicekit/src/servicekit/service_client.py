"""Idempotent reads from our own services: short retries, one total deadline, plain errors."""

import asyncio
from typing import Any, Final

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from servicekit.errors import UnavailableError
from servicekit.http_client import AsyncClient, HttpResponse, TransportError

_ATTEMPTS: Final = 2


class ServiceClient:
    """Reads from one of our services.

    Args:
        name: The service's name, for messages.
        client: With base address and service token.
        deadline_seconds: For a read with all its retries.
    """

    def __init__(self, name: str, client: AsyncClient, *, deadline_seconds: float = 2.0) -> None:
        self._name = name
        self._client = client
        self._deadline_seconds = deadline_seconds

    async def get(self, path: str, params: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The body of a 200, or None for a 404.

        Raises:
            UnavailableError: It did not answer in time, or with anything else.
        """
        return await self._read("GET", path, params=params)

    async def ask(self, path: str, question: dict[str, Any]) -> dict[str, Any] | None:
        """The same for a read whose question is a body: a POST that changes nothing.

        Raises:
            UnavailableError: It did not answer in time, or with anything else.
        """
        return await self._read("POST", path, json=question)

    async def _read(self, method: str, path: str, **asked: Any) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                response = await self._call(method, path, **asked)
        except (TransportError, TimeoutError) as error:
            msg = f"{self._name} does not answer."
            raise UnavailableError(msg) from error
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            msg = f"{self._name} answered {response.status_code}."
            raise UnavailableError(msg)
        return self._object_in(response)

    def _object_in(self, response: HttpResponse) -> dict[str, Any]:
        try:
            body = response.json()
        except ValueError as error:  # JSON and its encoding
            raise self._no_object() from error
        if not isinstance(body, dict):
            raise self._no_object()
        return body

    def _no_object(self) -> UnavailableError:
        return UnavailableError(f"{self._name} answered what is no JSON object.")

    async def _call(self, method: str, path: str, **asked: Any) -> HttpResponse:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(TransportError),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.05, max=0.2),
            reraise=True,
        )
        return await attempts(self._client.request, method, path, **asked)

"""One POST to a provider's API and its answer, told apart by what is known when it breaks.

The answer is streamed: once its status has come, a body that is lost takes nothing back.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from servicekit.http_client import AsyncClient, ConnectError, TransportError

_BODY_LIMIT: Final = 64 * 1024
"""Bytes read of an answer; those of SendGrid, FCM and OAuth have less than 4,096."""


class NotSentError(Exception):
    """No connection: the request did not leave."""


class AnswerLostError(Exception):
    """The request left, perhaps whole, and no answer came in time."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, and what else of the answer arrived.

    Attributes:
        headers: By any case of their names.
        body: None if it was lost; cut off where it is longer than any honest one.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


async def post(
    client: AsyncClient,
    path: str,
    content: bytes,
    *,
    headers: Mapping[str, str],
    timeout_seconds: float,
    connect_seconds: float,
) -> HttpAnswer:
    """POST once.

    Args:
        client: With the base address.
        path: Below the base address, or an address.
        content: What is sent.
        headers: Its type, and credentials that the client does not have.
        timeout_seconds: For the whole call, and so for an answer that drips.
        connect_seconds: For connecting, and for waiting for a connection.

    Raises:
        NotSentError: Before anything was sent.
        AnswerLostError: Afterwards, before the status came.
    """
    # Unencoded, so that reading the raw body cannot fail in a decoder
    headers = {**headers, "Accept-Encoding": "identity"}
    timeout = (connect_seconds, timeout_seconds, timeout_seconds, connect_seconds)
    answer: HttpAnswer | None = None
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            client.stream(
                "POST", path, content=content, headers=headers, timeout=timeout
            ) as response,
        ):
            answer = HttpAnswer(response.status_code, response.headers)
            answer = replace(answer, body=await _read(response.aiter_raw()))
    except ConnectError as error:
        raise NotSentError(_describe(error)) from error
    except (TransportError, TimeoutError) as error:
        if answer is None:
            raise AnswerLostError(_describe(error)) from error
    return answer


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


async def _read(chunks: AsyncIterator[bytes]) -> bytes:
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > _BODY_LIMIT:
            break
    return body[:_BODY_LIMIT]

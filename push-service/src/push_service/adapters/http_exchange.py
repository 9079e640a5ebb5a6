"""One POST and its answer, told apart by what is known when it breaks.

The answer is streamed: once its status has come, a body that is lost takes nothing back.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from servicekit.http_client import AsyncClient, ConnectError, TransportError

_BODY_LIMIT: Final = 64 * 1024
"""Bytes read of an answer; those of FCM and OAuth have less than 4,096."""


class NotSentError(Exception):
    """No connection: the request did not leave."""


class AnswerLostError(Exception):
    """The request left, perhaps whole, and no answer came."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, and what of the body arrived.

    Attributes:
        body: None if it was lost; cut off where it is longer than any honest one.
    """

    status: int
    retry_after: str | None
    body: bytes | None


async def post(
    client: AsyncClient, url: str, *, content: bytes, headers: Mapping[str, str]
) -> HttpAnswer:
    """POST once.

    Raises:
        NotSentError: Before anything was sent.
        AnswerLostError: Afterwards, before the status came.
    """
    # Unencoded, so that reading the raw body cannot fail in a decoder
    headers = {**headers, "Accept-Encoding": "identity"}
    try:
        async with client.stream("POST", url, content=content, headers=headers) as response:
            answer = HttpAnswer(response.status_code, response.headers.get("Retry-After"), None)
            try:
                body = await _read(response.aiter_raw())
            except TransportError:
                return answer
            return HttpAnswer(answer.status, answer.retry_after, body)
    except ConnectError as error:
        raise NotSentError(_describe(error)) from error
    except TransportError as error:
        raise AnswerLostError(_describe(error)) from error


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


async def _read(chunks: AsyncIterator[bytes]) -> bytes:
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > _BODY_LIMIT:
            break
    return body[:_BODY_LIMIT]

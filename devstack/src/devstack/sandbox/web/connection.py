"""Ways of answering badly that ASGI has no word for: not at all, and too slowly.

The server puts functions for both into the scope of each request; a handler only has to call them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

DROP_KEY = "sandbox.drop"
SEND_SLOWLY_KEY = "sandbox.send_slowly"
DRIP_SECONDS = 0.5  # between two bytes of a dripped answer, unless a rule says otherwise


class NoResponse(Response):
    """What a handler returns when the connection is gone already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing."""


async def drop_connection(request: Request) -> Response:
    """Close without an answer: HTTP/1.1 loses its connection, HTTP/2 the one stream."""
    drop: Callable[[], Awaitable[None]] = request.scope[DROP_KEY]
    await drop()
    return NoResponse()


async def until_disconnect(request: Request) -> None:
    """Return when the client has given up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def drip(answer: Response, seconds: float | None) -> Response:
    """The same answer, its body sent a byte at a time, `seconds` apart."""

    async def bytes_one_by_one() -> AsyncIterator[bytes]:
        for number in range(len(answer.body)):
            await asyncio.sleep(DRIP_SECONDS if seconds is None else seconds)
            yield bytes(answer.body[number : number + 1])

    return StreamingResponse(bytes_one_by_one(), answer.status_code, media_type=answer.media_type)


async def drip_whole(request: Request, answer: Response, seconds: float | None) -> Response:
    """Send the answer from its first byte on a byte at a time, and close: HTTP/1.1 only.

    Over HTTP/2 the body alone drips.
    """
    send_slowly: Callable[[Response, float], Awaitable[bool]] = request.scope[SEND_SLOWLY_KEY]
    if await send_slowly(answer, DRIP_SECONDS if seconds is None else seconds):
        return NoResponse()
    return drip(answer, seconds)

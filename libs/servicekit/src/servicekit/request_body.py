"""Takes the bodies of requests in, counted while they come.

A middleware, because FastAPI's own `max_body_size` acts outside all others, so that its answer
would lack the envelope, the correlation id and the metrics.
"""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servicekit.error_handlers import too_large

_LENGTH: Final = b"content-length"
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestBodyMiddleware:
    """Reads each body whole before the application sees it.

    Args:
        app: What is protected.
        max_bytes: For all paths but those of `by_path`.
        by_path: For single paths, without a slash at their end.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, by_path: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._by_path = dict(by_path or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        max_bytes = self._by_path.get(scope["path"], self._max_bytes)
        declared = _header(scope, _LENGTH)
        if declared.isdigit() and int(declared) > max_bytes:
            await too_large(max_bytes)(scope, receive, send)
            return
        body = await _read(receive, max_bytes)
        if body is None:
            return  # the client has gone
        if len(body) > max_bytes:
            await too_large(max_bytes)(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)


async def _read(receive: Receive, max_bytes: int) -> bytes | None:
    """The body, or what came of it until there were too many bytes; None: it broke off."""
    body = bytearray()  # thousands of tiny parts would cost many times their bytes
    while len(body) <= max_bytes:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body + part) if body else part
        body += part
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give the body out once, and then whatever the connection says."""
    is_given = False

    async def receive_again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def _header(scope: Scope, wanted: bytes) -> bytes:
    value: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
    return value

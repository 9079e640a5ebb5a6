"""Refuses bodies over a limit, by the declared length or by counting what really arrives.

FastAPI's own `max_body_size` acts outside all other middleware, so its answer would lack the
envelope, the correlation id and the metrics.
"""

from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from servicekit.error_handlers import too_large

_LENGTH: Final = b"content-length"


class BodyLimitMiddleware:
    """Limits the bodies of all requests.

    Args:
        app: What is limited.
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
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._by_path.get(scope["path"], self._max_bytes)
        declared = next((value for name, value in scope["headers"] if name == _LENGTH), b"")
        if declared.isdigit() and int(declared) > max_bytes:
            await too_large(max_bytes)(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > max_bytes:
                    raise HTTPException(413)  # FastAPI passes this on while it reads the body
            return message

        await self._app(scope, receive_counted, send)

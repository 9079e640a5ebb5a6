"""Correlation id and W3C trace context: taken over from the caller or made, and carried along.

Held in context variables, so that every log line and every call made while serving a request or a
message carries them without being handed down.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CORRELATION_HEADER = "X-Correlation-ID"
TRACEPARENT_HEADER = "traceparent"

_correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)

_RAW_CORRELATION = CORRELATION_HEADER.lower().encode()
_RAW_TRACEPARENT = TRACEPARENT_HEADER.encode()

_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
# https://www.w3.org/TR/trace-context/#traceparent-header ; all-zero ids are invalid
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def current_correlation_id() -> str | None:
    """The id of what is being served now, if anything is."""
    return _correlation_id.get()


def current_traceparent() -> str | None:
    """The W3C `traceparent` of what is being served now, if there is one."""
    return _traceparent.get()


def new_correlation_id() -> str:
    """A fresh id: 128 random bits in hex."""
    return secrets.token_hex(16)


def accept_correlation_id(value: str | None) -> str:
    """The caller's id where it is short and harmless in logs and headers, else a new one."""
    return value if value and _ACCEPTABLE_ID.fullmatch(value) else new_correlation_id()


def accept_traceparent(value: str | None) -> str | None:
    """The caller's trace context where it is well formed, else none (the trace restarts)."""
    return value if value and _TRACEPARENT.fullmatch(value) else None


@contextmanager
def correlated(correlation_id: str, traceparent: str | None = None) -> Iterator[None]:
    """Serve something under these ids."""
    id_token = _correlation_id.set(correlation_id)
    trace_token = _traceparent.set(traceparent)
    try:
        yield
    finally:
        _correlation_id.reset(id_token)
        _traceparent.reset(trace_token)


def outgoing_headers() -> dict[str, str]:
    """The headers that carry the current ids to another service."""
    headers = {}
    if correlation_id := current_correlation_id():
        headers[CORRELATION_HEADER] = correlation_id
    if traceparent := current_traceparent():
        headers[TRACEPARENT_HEADER] = traceparent
    return headers


class CorrelationMiddleware:
    """Gives every HTTP request its ids and returns the correlation id with the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = {_RAW_CORRELATION: None, _RAW_TRACEPARENT: None}
        for name, value in scope["headers"]:
            if name in given and given[name] is None:
                given[name] = value.decode("latin-1")
        correlation_id = accept_correlation_id(given[_RAW_CORRELATION])
        header = (_RAW_CORRELATION, correlation_id.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        with correlated(correlation_id, accept_traceparent(given[_RAW_TRACEPARENT])):
            await self._app(scope, receive, send_with_id)

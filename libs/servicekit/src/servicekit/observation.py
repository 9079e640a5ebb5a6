"""Counts and times every request, logs it, and turns an unforeseen error into a 500 envelope.

A pure ASGI middleware: Starlette's `BaseHTTPMiddleware` runs the application in another task, which
loses context variables and abandons database connections when a client goes away.
"""

import time
from functools import cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.envelope import ErrorEnvelope
from contracts.error_codes import ErrorCode
from servicekit.error_handlers import render_error
from servicekit.logs import get_logger
from servicekit.metrics import Metrics

_log = get_logger(__name__)
_UNMATCHED = "unmatched"  # one label for all unknown paths: a scanner must not grow the series
_API_PREFIX = "/api/v1"
_QUIET_ROUTES = ("/health", "/metrics", "/api/v1/health", "/api/v1/metrics")


class ObservationMiddleware:
    """Observes what passes through; must lie inside `CorrelationMiddleware`."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        # Finding the child of a metric costs more than counting with it.
        self._count = cache(lambda *labels: metrics.requests.labels(*map(str, labels)))
        self._latency = cache(metrics.latency.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            _log.exception("http.unhandled_error", method=scope["method"], path=scope["path"])
            if status:
                raise  # the answer has begun: all that is left is to break the connection
            error = ErrorEnvelope(
                message="The server failed to answer; the error was logged.",
                error=ErrorCode.INTERNAL_ERROR,
            )
            await render_error(500, error)(scope, receive, send_and_note)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route_of(scope)
        method = scope["method"]
        self._count(method, route, status).inc()
        self._latency(method, route).observe(seconds)
        if not route.startswith(_QUIET_ROUTES):
            _log.info(
                "http.answered",
                method=method,
                route=route,
                status=status,
                ms=round(seconds * 1000, 2),
            )


def _route_of(scope: Scope) -> str:
    """The route's template; FastAPI notes the route as its own router knows it, without prefix."""
    route: str | None = getattr(scope.get("route"), "path", None)
    if route is None:
        return _UNMATCHED
    has_prefix = scope["path"].startswith(_API_PREFIX) and not route.startswith(_API_PREFIX)
    return _API_PREFIX + route if has_prefix else route

"""Builds a service's application: everything that is the same in all of them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from servicekit.access import Authenticate, refuse_undeclared_routes
from servicekit.correlation import CorrelationMiddleware
from servicekit.described_access import describe_access
from servicekit.described_answers import describe_answers
from servicekit.docs_page import docs_router
from servicekit.error_handlers import install_error_handlers
from servicekit.health import Check, health_router
from servicekit.json_route import refuse_other_dialects
from servicekit.metrics import METRICS_ANSWER, Metrics
from servicekit.observation import ObservationMiddleware
from servicekit.request_body import RequestBodyMiddleware

API_PREFIX = "/api/v1"
MAX_BODY_BYTES = 256 * 1024

_EVERYWHERE = (
    "What each route can answer stands beside it. Everywhere there are also: 405 "
    "`method_not_allowed`, with `Allow`; 413 `payload_too_large` to any body of that size; 400, "
    "408 and 431 to what is not a complete HTTP request; and 500 `internal_error`, a defect of "
    "ours."
)


class Lifespan(Protocol):
    """Opens a service's connections before the first request and closes them after the last."""

    def __call__(self, app: FastAPI, /) -> AbstractAsyncContextManager[None]: ...


def create_app(
    *,
    service: str,
    version: str,
    description: str,
    routers: Sequence[APIRouter] = (),
    checks: Mapping[str, Check],
    metrics: Metrics,
    lifespan: Lifespan,
    authenticate: Authenticate | None = None,
    state: Mapping[str, Any] | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    larger_bodies: Mapping[str, int] | None = None,
) -> FastAPI:
    """Put a service's routers into an application.

    Args:
        service: Name in logs, health and documentation.
        version: The service's version.
        description: One sentence for the API's page.
        routers: The service's own routes, below `/api/v1`. Each must declare who may call it.
        checks: Readiness checks by dependency.
        metrics: The process's metrics, served at `/metrics`.
        lifespan: What to open and close around serving.
        authenticate: How callers are recognised; without it every declared route refuses.
        state: What the routes find in `request.app.state`.
        max_body_bytes: Of a request; a larger one is refused while it comes in.
        larger_bodies: The same for single paths below `/api/v1`.

    Raises:
        UndeclaredAccessError: A route neither declares its callers nor is public.
        ForeignDialectError: A route that takes a body is no `JsonRoute`.
        ValueError: A path of `larger_bodies` is no route's.
    """
    app = FastAPI(
        title=service,
        version=version,
        description=f"{description}\n\n{_EVERYWHERE}",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # ours follows
        redoc_url=None,
        openapi_url="/openapi.json",
        # Nobody configures OpenTelemetry's providers here, and each request would ask for all
        # three of them; ids and figures are ours.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for name, value in {"authenticate": authenticate, **(state or {})}.items():
        setattr(app.state, name, value)
    technical = APIRouter()
    technical.include_router(health_router(service, version, checks))

    @technical.get(
        "/metrics",
        tags=["health"],
        summary="Prometheus metrics",
        responses=METRICS_ANSWER,
        response_class=PlainTextResponse,
    )
    async def metrics_page() -> Response:
        return metrics.render()

    for router in routers:  # first, because routers are asked in their order for each request
        app.include_router(router, prefix=API_PREFIX)
    app.include_router(technical)
    app.include_router(docs_router(service))
    app.include_router(technical, prefix=API_PREFIX, include_in_schema=False)
    install_error_handlers(app)
    refuse_undeclared_routes(app)
    refuse_other_dialects(app)
    describe_access(app)
    describe_answers(app)
    app.add_middleware(
        RequestBodyMiddleware,
        max_bytes=max_body_bytes,
        by_path=_by_path(app, larger_bodies or {}),
    )
    app.add_middleware(ObservationMiddleware, metrics=metrics)
    app.add_middleware(CorrelationMiddleware)
    app.add_middleware(TrailingSlashMiddleware)
    return app


def _by_path(app: FastAPI, larger_bodies: Mapping[str, int]) -> dict[str, int]:
    by_path = {API_PREFIX + path: limit for path, limit in larger_bodies.items()}
    unknown = by_path.keys() - {route.path for route in iter_route_contexts(app.routes)}
    if unknown:
        msg = f"there are no routes {sorted(unknown)} to take larger bodies"
        raise ValueError(msg)
    return by_path


class TrailingSlashMiddleware:
    """Lets a path answer with and without its trailing slash, without a redirect.

    A redirect loses the body in many clients, and costs a round trip in the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        path = scope.get("path", "")
        if scope["type"] == "http" and len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)

"""Who is calling, and whether they may: every route says so, and the default is no.

A route declares its callers by a dependency on `Allow`. `refuse_undeclared_routes` stops the
service from being built when one does not, so that a forgotten declaration cannot reach production.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.datastructures import Headers

from contracts.access import Role, Scope
from servicekit.errors import ForbiddenError, UnauthenticatedError


class CallerKind(StrEnum):
    """What sort of caller it is."""

    APPLICATION = "application"
    USER = "user"
    SERVICE = "service"


@dataclass(frozen=True)
class Principal:
    """A caller that has been recognised.

    Attributes:
        rate_per_minute: What their key allows; None: it says nothing.
    """

    kind: CallerKind
    id: str
    scopes: frozenset[Scope] = field(default_factory=frozenset)
    role: Role | None = None
    rate_per_minute: int | None = None

    @property
    def caller_id(self) -> str:
        """Names the caller among all kinds; what they own is stored under it."""
        return f"{self.kind}:{self.id}"

    @property
    def is_admin(self) -> bool:
        """Whether they may act on everything."""
        return self.role is Role.ADMIN or Scope.ADMIN in self.scopes


@dataclass(frozen=True)
class Credentials:
    """What a request brought to show who sends it; each may be absent."""

    api_key: str | None
    bearer: str | None
    service_token: str | None


class Authenticate(Protocol):
    """Recognises callers."""

    async def __call__(self, credentials: Credentials) -> Principal:
        """The caller.

        Raises:
            UnauthenticatedError: There are no valid credentials.
        """
        ...


def credentials_in(headers: Headers) -> Credentials:
    """What a request's headers bring.

    Read here and not by FastAPI's security classes: each of those is a dependency of its own, and
    three of them cost a request as much as validating its body.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return Credentials(
        headers.get("x-api-key") or None,
        (token.strip() or None) if scheme.lower() == "bearer" else None,
        headers.get("x-service-token") or None,
    )


class Allow:
    """Dependency of a route: who may call it. Admins always may, except on service-only routes.

    Args:
        scope: Applications that have this scope.
        users: Signed-in users; what exactly they may touch, the route decides by `Principal.id`.
        services: Names of our own services.
    """

    def __init__(
        self,
        *,
        scope: Scope | None = None,
        users: bool = False,
        services: tuple[str, ...] = (),
    ) -> None:
        self.scope = scope
        self.users = users
        self.services = services

    async def __call__(self, request: Request) -> Principal:
        """Recognise the caller and check that they are among those declared."""
        authenticate: Authenticate | None = request.app.state.authenticate
        if authenticate is None:
            msg = "This service recognises no callers."
            raise UnauthenticatedError(msg)
        principal = await authenticate(credentials_in(request.headers))
        if not self.admits(principal):
            raise ForbiddenError(self._refusal(principal))
        return principal

    def admits(self, principal: Principal) -> bool:
        """Whether this caller is among those declared."""
        if principal.kind is CallerKind.SERVICE:
            return principal.id in self.services
        if not self.scope and not self.users and self.services:
            return False
        if principal.is_admin:
            return True
        if principal.kind is CallerKind.APPLICATION:
            return self.scope is not None and self.scope in principal.scopes
        return self.users

    def _refusal(self, principal: Principal) -> str:
        if principal.kind is CallerKind.APPLICATION and self.scope:
            return f"This needs an API key with the scope {self.scope}."
        if self.services and not self.scope and not self.users:
            return "This is for the system's own services only."
        return "This needs an administrator."


class UndeclaredAccessError(RuntimeError):
    """A route that does not say who may call it."""


PUBLIC_PATHS = frozenset(
    {
        "/health",
        "/health/live",
        "/health/ready",
        "/health/readiness",
        "/metrics",
        "/docs",
        "/docs/swagger-ui-bundle.js",
        "/docs/swagger-ui.css",
        "/docs/favicon.png",
        "/openapi.json",
    }
)
"""Open to everybody in every service, also below `/api/v1`."""

PUBLIC_MARK = "public"
"""A route with `openapi_extra={"x-access": "public"}` is open on purpose."""


FORWARDED_MARK = "forwarded"
"""A route with this as its `x-access` is another service's, which says who may call it."""


def refuse_undeclared_routes(app: FastAPI) -> None:
    """Stop the service from being built when a route does not say who may call it.

    Raises:
        UndeclaredAccessError: Names the route.
    """
    for route in iter_route_contexts(app.routes):
        path = route.path or str(route)
        if path.removeprefix("/api/v1") in PUBLIC_PATHS:
            continue
        if not isinstance(route.original_route, APIRoute):
            msg = f"{path} is not an API route, so it cannot declare who may call it"
            raise UndeclaredAccessError(msg)
        if is_public(route) or is_forwarded(route):
            continue
        if declared_access(route) is None:
            msg = f"{path} does not declare who may call it: depend on servicekit.access.Allow"
            raise UndeclaredAccessError(msg)


def is_public(route: RouteContext) -> bool:
    """Whether a route is open to everybody on purpose."""
    return _mark_of(route) == PUBLIC_MARK


def is_forwarded(route: RouteContext) -> bool:
    """Whether a route passes everything on to the service whose it is."""
    return _mark_of(route) == FORWARDED_MARK


def _mark_of(route: RouteContext) -> str | None:
    mark: str | None = (getattr(route, "openapi_extra", None) or {}).get("x-access")
    return mark


def declared_access(route: RouteContext) -> Allow | None:
    """Who may call a route, as it declares it."""
    return next(_declarations(route.dependant), None)


def _declarations(dependant: Dependant) -> Iterator[Allow]:
    if isinstance(dependant.call, Allow):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _declarations(inner)

"""One door: what of the inner services the world may reach, passed on to them as it is.

Only what is listed here passes, by its own method. Who may call it, and what it answers, is said by
the service behind; what our services ask of each other is not listed, and would be refused, because
no service token passes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from servicekit.access import FORWARDED_MARK
from servicekit.errors import NotFoundError
from servicekit.forwarding import Forwarded, Forwarders

USERS, TEMPLATES, EMAIL = "user-service", "template-service", "email-service"


@dataclass(frozen=True)
class Door:
    """One path below `/api/v1` that leads to a service."""

    service: str
    path: str
    methods: tuple[str, ...]


DOORS: Final = (
    Door(USERS, "/users", ("GET", "POST")),
    Door(USERS, "/users/{user_id}", ("GET", "PATCH")),
    Door(USERS, "/users/{user_id}/preferences", ("GET", "PUT", "PATCH")),
    Door(USERS, "/categories", ("GET",)),
    Door(USERS, "/categories/{code}", ("PUT", "DELETE")),
    Door(USERS, "/auth/login", ("POST",)),
    Door(USERS, "/auth/refresh", ("POST",)),
    Door(USERS, "/auth/logout", ("POST",)),
    Door(USERS, "/auth/password", ("POST",)),
    Door(USERS, "/auth/jwks.json", ("GET",)),
    Door(USERS, "/api-keys", ("GET", "POST")),
    Door(USERS, "/api-keys/{key_id}", ("DELETE",)),
    Door(USERS, "/api-keys/{key_id}/rotate", ("POST",)),
    Door(USERS, "/suppressions", ("GET", "POST", "DELETE")),
    Door(TEMPLATES, "/templates", ("GET", "POST")),
    Door(TEMPLATES, "/templates/{code}", ("GET", "PUT")),
    Door(TEMPLATES, "/templates/{code}/versions/{version}", ("GET",)),
    Door(EMAIL, "/providers/sendgrid/events", ("POST",)),
)

_PREFIX: Final = "/api/v1"


def door_router() -> APIRouter:
    """Routes for all doors; they find the `Forwarders` in `app.state.forwarders`."""
    router = APIRouter()
    for door in DOORS:
        router.add_api_route(
            door.path,
            _handler(door),
            methods=list(door.methods),
            # The services behind document them, with all that they answer.
            include_in_schema=False,
            openapi_extra={"x-access": FORWARDED_MARK},
        )
    return router


def _handler(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def pass_on(request: Request) -> Response:
        forwarders: Forwarders = request.app.state.forwarders
        forward = forwarders.get(door.service)
        if forward is None:
            raise NotFoundError("This installation has no such service.")
        answer = await forward(
            Forwarded(
                method=request.method,
                target=_target(door, request),
                headers=request.headers.items(),
                body=await request.body(),
                client=request.client.host if request.client else None,
            )
        )
        response = Response(answer.body, answer.status)
        for name, value in answer.headers:
            response.headers.append(name, value)
        return response

    return pass_on


def _target(door: Door, request: Request) -> str:
    """The service's own path: built of what was matched, so that nothing else can be meant."""
    values = request.path_params
    if not {".", ".."}.isdisjoint(values.values()):
        raise NotFoundError("There is no such path.")
    path = door.path.format(**{name: quote(value, safe="") for name, value in values.items()})
    query = request.scope["query_string"].decode("latin-1")
    return f"{_PREFIX}{path}{f'?{query}' if query else ''}"

from collections.abc import Callable
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.responses import PlainTextResponse

from contracts.access import Role, Scope
from servicekit.access import Allow, CallerKind, Principal, UndeclaredAccessError

MakeApp = Callable[..., FastAPI]
ConnectTo = Callable[[FastAPI], httpx.AsyncClient]

SENDER = Principal(CallerKind.APPLICATION, "1", frozenset({Scope.NOTIFICATIONS_SEND}))
READER = Principal(CallerKind.APPLICATION, "2", frozenset({Scope.NOTIFICATIONS_READ}))
ROOT_APPLICATION = Principal(CallerKind.APPLICATION, "3", frozenset({Scope.ADMIN}))
PERSON = Principal(CallerKind.USER, "u", role=Role.USER)
ROLELESS = Principal(CallerKind.USER, "u")
ADMIN = Principal(CallerKind.USER, "a", role=Role.ADMIN)
GATEWAY = Principal(CallerKind.SERVICE, "api-gateway")
STRANGER = Principal(CallerKind.SERVICE, "stranger")
SERVICE_ADMIN = Principal(CallerKind.SERVICE, "x", frozenset({Scope.ADMIN}), Role.ADMIN)
EVERYBODY = (
    SENDER, READER, ROOT_APPLICATION, PERSON, ROLELESS, ADMIN, GATEWAY, STRANGER, SERVICE_ADMIN
)  # fmt: skip
ADMINS = {ROOT_APPLICATION, ADMIN}


@pytest.mark.parametrize(
    ("allow", "admitted"),
    [
        (Allow(), ADMINS),
        (Allow(scope=Scope.NOTIFICATIONS_SEND), {SENDER, *ADMINS}),
        (Allow(scope=Scope.ADMIN), ADMINS),
        (Allow(users=True), {PERSON, ROLELESS, *ADMINS}),
        (Allow(services=("api-gateway",)), {GATEWAY}),
        (Allow(scope=Scope.NOTIFICATIONS_READ, users=True), {READER, PERSON, ROLELESS, *ADMINS}),
        (
            Allow(scope=Scope.NOTIFICATIONS_SEND, services=("api-gateway",)),
            {SENDER, GATEWAY, *ADMINS},
        ),
        (Allow(users=True, services=("api-gateway",)), {PERSON, ROLELESS, GATEWAY, *ADMINS}),
    ],
)
def test_admits_exactly_those_declared(allow: Allow, admitted: set[Principal]) -> None:
    assert {each for each in EVERYBODY if allow.admits(each)} == admitted


def test_callers_of_different_kinds_never_share_a_name() -> None:
    names = {Principal(kind, "1").caller_id for kind in CallerKind}
    assert len(names) == len(CallerKind)


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        (None, "send", 401),
        ("wrong", "send", 401),
        ("none", "send", 403),
        ("sender", "send", 200),
        ("sender", "admin", 403),
        ("root", "admin", 200),
        ("root", "send", 200),
    ],
)
async def test_a_route_asks_who_is_calling(
    key: str | None, path: str, status: int, client: httpx.AsyncClient
) -> None:
    answer = await client.get(f"/api/v1/things/{path}", headers={"X-API-Key": key} if key else {})
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_names_the_scope_that_is_missing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/things/send", headers={"X-API-Key": "none"})
    assert answer.json()["message"] == "This needs an API key with the scope notifications:send."


async def test_a_service_that_recognises_nobody_refuses_everybody(
    make_app: MakeApp, connect_to: ConnectTo
) -> None:
    async with connect_to(make_app()) as client:
        answer = await client.get("/api/v1/things/send", headers={"X-API-Key": "sender"})
    assert answer.status_code == 401


async def nobody_asked() -> PlainTextResponse:
    return PlainTextResponse("secret")


def test_a_route_without_a_declaration_stops_the_build(make_app: MakeApp) -> None:
    inner = APIRouter()
    inner.get("/deep")(nobody_asked)
    outer = APIRouter(prefix="/outer")
    outer.include_router(inner)
    with pytest.raises(UndeclaredAccessError, match="/api/v1/outer/deep does not declare"):
        make_app(routers=(outer,))


def test_a_mounted_application_stops_the_build(make_app: MakeApp) -> None:
    router = APIRouter()
    router.mount("/files", PlainTextResponse("x"))
    with pytest.raises(UndeclaredAccessError, match="files"):
        make_app(routers=(router,))


def test_a_websocket_stops_the_build(make_app: MakeApp) -> None:
    router = APIRouter()
    router.websocket("/socket")(nobody_asked)
    with pytest.raises(UndeclaredAccessError, match="socket"):
        make_app(routers=(router,))


async def declared(caller: Annotated[Principal, Depends(Allow())]) -> Principal:
    return caller


def test_a_declaration_below_another_dependency_counts(make_app: MakeApp) -> None:
    router = APIRouter(dependencies=[Depends(declared)])
    router.get("/deep")(nobody_asked)
    make_app(routers=(router,))

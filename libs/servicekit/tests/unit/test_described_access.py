from collections.abc import Callable
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.datastructures import Headers

from contracts.access import Scope
from servicekit.access import Allow, Credentials, Principal, credentials_in

MakeApp = Callable[..., FastAPI]


@pytest.mark.parametrize(
    ("allow", "schemes"),
    [
        (Allow(), ["ApiKey", "Bearer"]),
        (Allow(scope=Scope.USERS_READ, users=True), ["ApiKey", "Bearer"]),
        (Allow(services=("api-gateway",)), ["ServiceToken"]),
        (Allow(users=True, services=("api-gateway",)), ["ApiKey", "Bearer", "ServiceToken"]),
    ],
)
def test_a_route_names_the_credentials_that_it_takes(
    allow: Allow, schemes: list[str], make_app: MakeApp
) -> None:
    router = APIRouter()

    @router.get("/things/{name}")
    async def read(caller: Annotated[Principal, Depends(allow)], name: str) -> str:
        return name

    schema = make_app(routers=(router,)).openapi()
    assert schema["paths"]["/api/v1/things/{name}"]["get"]["security"] == [
        {scheme: []} for scheme in schemes
    ]
    operation = schema["paths"]["/api/v1/things/{name}"]["get"]
    assert operation.get("x-services", []) == list(allow.services)
    assert set(schemes) <= schema["components"]["securitySchemes"].keys()


def test_public_routes_ask_for_nothing(make_app: MakeApp) -> None:
    assert "security" not in make_app().openapi()["paths"]["/health/live"]["get"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Credentials(None, None, None)),
        ({"X-API-Key": "", "Authorization": "Bearer "}, Credentials(None, None, None)),
        ({"X-API-Key": "k"}, Credentials("k", None, None)),
        ({"Authorization": "bearer  t"}, Credentials(None, "t", None)),
        ({"Authorization": "Basic dDp0"}, Credentials(None, None, None)),
        ({"X-Service-Token": "a:b"}, Credentials(None, None, "a:b")),
    ],
)
def test_credentials_are_read_from_their_headers(
    headers: dict[str, str], expected: Credentials
) -> None:
    assert credentials_in(Headers(headers)) == expected

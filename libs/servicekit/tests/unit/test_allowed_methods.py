from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

MakeApp = Callable[..., FastAPI]
OPEN: dict[str, Any] = {"openapi_extra": {"x-access": "public"}}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/things", "GET, POST"),
        ("/things/", "GET, POST"),
        ("/things/7", "DELETE, GET"),
        ("/things/search", "POST"),  # the more exact path is the one that is documented
    ],
)
async def test_a_refused_method_hears_of_all_that_the_path_takes(
    path: str, allowed: str, make_app: MakeApp, connect_to: Any
) -> None:
    router = APIRouter(prefix="/things")

    @router.get("/{name}", **OPEN)
    @router.delete("/{name}", **OPEN)
    async def one(name: str) -> str:
        return name

    @router.post("/search", **OPEN)
    @router.post("", **OPEN)
    @router.get("", **OPEN)
    async def many() -> str:
        return ""

    async with connect_to(make_app(routers=(router,))) as client:
        answer = await client.request("OPTIONS", f"/api/v1{path}")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed

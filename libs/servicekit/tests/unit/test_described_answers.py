from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict

from contracts.access import Scope
from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from servicekit.access import Allow
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.pagination import PageQuery
from servicekit.responses import ok, page_of

MakeApp = Callable[..., FastAPI]
OPEN: dict[str, Any] = {"openapi_extra": {"x-access": "public"}}
CALLERS = [Depends(Allow(scope=Scope.USERS_READ))]


class Thing(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "a"}, {"name": "the unsent"}]}
    )

    name: str


def operation_of(make_app: MakeApp, router: APIRouter, method: str, path: str) -> Any:
    return make_app(routers=(router,)).openapi()["paths"][f"/api/v1{path}"][method]


def codes_of(operation: Any) -> dict[str, list[str]]:
    return {
        status: response["x-error-codes"]
        for status, response in operation["responses"].items()
        if "x-error-codes" in response
    }


def test_what_a_route_can_answer_follows_from_what_it_is(make_app: MakeApp) -> None:
    router = APIRouter(route_class=JsonRoute)

    @router.get("/open", **OPEN)
    async def nothing_can_go_wrong(text: str = "") -> Envelope[Thing]:
        return ok(Thing(name=text), "Open.")

    @router.get("/things/{name}", dependencies=CALLERS)
    async def read(name: str) -> Envelope[Thing]:
        return ok(Thing(name=name), "A thing.")

    @router.post("/things", **OPEN)
    async def create(thing: Thing) -> Envelope[Thing]:
        return ok(thing, "Created.")

    @router.get("/things", **OPEN)
    async def find(limit: Annotated[int, Query()] = 1) -> Envelope[Thing]:
        return ok(Thing(name=str(limit)), "Found.")

    def codes(method: str, path: str) -> dict[str, list[str]]:
        return codes_of(operation_of(make_app, router, method, path))

    assert codes("get", "/open") == {}
    assert codes("get", "/things/{name}") == {
        "401": ["unauthenticated"],
        "403": ["forbidden"],
        "404": ["not_found"],
        "503": ["dependency_unavailable"],
    }
    assert codes("post", "/things") == {
        "400": ["malformed_request"],
        "413": ["payload_too_large"],
        "415": ["unsupported_media_type"],
        "422": ["validation_failed"],
    }
    assert codes("get", "/things") == {"422": ["validation_failed"]}


def test_a_route_adds_its_own_codes_each_under_its_status(make_app: MakeApp) -> None:
    router = APIRouter(route_class=JsonRoute)
    own = errors(ErrorCode.USER_NOT_FOUND, ErrorCode.EMAIL_TAKEN, ErrorCode.TEMPLATE_INVALID)

    @router.put("/things/{name}", responses=own, **OPEN)
    async def put(name: str, thing: Thing) -> Envelope[Thing]:
        return ok(thing, "Put.")

    operation = operation_of(make_app, router, "put", "/things/{name}")
    codes = codes_of(operation)
    assert codes["404"] == ["user_not_found"]
    assert codes["409"] == ["email_taken"]
    assert codes["422"] == ["validation_failed", "template_invalid"]
    answer = operation["responses"]["409"]
    assert ErrorCode.EMAIL_TAKEN.remedy in answer["description"]
    media = answer["content"]["application/json"]
    assert media["examples"]["email_taken"]["value"]["error"] == "email_taken"
    assert media["schema"]["properties"]["error"]["enum"] == ["email_taken"]


def test_what_is_accepted_and_not_sent_stands_beside_success(make_app: MakeApp) -> None:
    router = APIRouter(route_class=JsonRoute)

    @router.post("/things", status_code=202, responses=errors(ErrorCode.NO_ADDRESS), **OPEN)
    async def send() -> Envelope[Thing]:
        return ok(Thing(name="a"), "Sent.")

    answer = operation_of(make_app, router, "post", "/things")["responses"]["202"]
    examples = answer["content"]["application/json"]["examples"]
    assert examples["accepted"]["value"]["data"] == {"name": "a"}
    unsent = examples["no_address"]["value"]
    assert (unsent["success"], unsent["error"]) == (False, "no_address")
    assert unsent["data"] == {"name": "the unsent"}


def test_an_answer_shows_the_example_of_what_it_carries(make_app: MakeApp) -> None:
    router = APIRouter(route_class=JsonRoute)

    @router.get("/things", **OPEN)
    async def page(query: Annotated[PageQuery, Depends()]) -> Envelope[list[Thing]]:
        return page_of([Thing(name="a")], total=1, query=query, message="Things.")

    answer = operation_of(make_app, router, "get", "/things")["responses"]["200"]
    example = answer["content"]["application/json"]["example"]
    assert example["data"] == [{"name": "a"}]
    assert example["meta"]["total_pages"] == 1


def test_frameworks_own_errors_are_not_documented(make_app: MakeApp) -> None:
    schemas = make_app().openapi()["components"]["schemas"]
    assert not {"HTTPValidationError", "ValidationError"} & schemas.keys()
    assert ErrorCode.CONFLICT.remedy in schemas["ErrorCode"]["description"]


def test_an_example_shows_what_is_null(make_app: MakeApp) -> None:
    class Part(BaseModel):
        end: int | None

    class Whole(BaseModel):
        model_config = ConfigDict(
            json_schema_extra={"example": {"parts": [{"end": None}], "by": {"a": {"end": None}}}}
        )

        parts: list[Part]
        by: dict[str, Part]
        last: Part | None

    router = APIRouter(route_class=JsonRoute)

    @router.get("/whole", **OPEN)
    async def read() -> Envelope[Whole]:
        return ok(Whole(parts=[], by={}, last=None), "Whole.")

    answer = operation_of(make_app, router, "get", "/whole")["responses"]["200"]
    assert answer["content"]["application/json"]["example"]["data"] == {
        "parts": [{"end": None}],
        "by": {"a": {"end": None}},
        "last": None,
    }

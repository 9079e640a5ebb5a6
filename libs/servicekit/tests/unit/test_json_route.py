"""What a service makes of bodies that only some parsers take for JSON."""

from collections.abc import Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Body, FastAPI, Request

from contracts.envelope import Envelope
from servicekit.json_route import AnyTextRoute, ForeignDialectError, JsonRoute
from servicekit.responses import ok

THINGS = "/api/v1/things"
JSON = {"Content-Type": "application/json"}
PUBLIC: dict[str, Any] = {"openapi_extra": {"x-access": "public"}}
MakeApp = Callable[..., FastAPI]
ConnectTo = Callable[[FastAPI], httpx.AsyncClient]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"name": "a", "amount": 1, "amount": 2}', 'the key "amount" comes twice in one object'),
        (b'{"name": "a", "amount": NaN}', "NaN is no number of JSON's, at amount"),
        (b'{"name": "\xff"}', "it is not UTF-8 at byte 10"),
        (b"[" * 100_000, "it is nested more than 64 levels deep"),
        (b'{"name": "a"', "Expecting ',' delimiter at byte 12"),
        ('{"name": "a"}'.encode("utf-16"), "it is not UTF-8 at byte 0"),
    ],
)
async def test_a_body_of_another_dialect_is_400_and_says_why(
    body: bytes, reason: str, client: httpx.AsyncClient
) -> None:
    answer = await client.post(THINGS, content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"] == "malformed_request"
    assert answer.json()["message"] == f"The body is not valid JSON: {reason}."


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b'{"name": "\\ud800", "amount": 1}', {("name", "string_unicode")}),
        (b'{"name": "\\u0000", "amount": 1}', {("name", "nul_character")}),
        (
            b'{"name": {"a": ["\\uD83D\\ude00", "\\uDE00"]}, "b": {"c\\u0000": 1}}',
            {("name.a.1", "string_unicode"), ("b", "nul_character")},
        ),
        (b'{"\\ud800": "\\ud800"}', {("body", "string_unicode")}),
        (b'{"name": "a", "amount": 1e400}', {("amount", "finite_number")}),
        (b'{"name": "a", "amount": %s}' % (b"9" * 200_000), {("amount", "finite_number")}),
    ],
    ids=["surrogate", "NUL", "deep", "key", "double", "integer"],
)
async def test_a_value_that_nothing_can_carry_is_422_and_its_field_is_named(
    body: bytes, codes: set[tuple[str, str]], client: httpx.AsyncClient
) -> None:
    answer = await client.post(THINGS, content=body, headers=JSON)
    assert answer.status_code == 422
    assert {(each["field"], each["code"]) for each in answer.json()["details"]} == codes


@pytest.mark.parametrize("unfit", ["\\u0000", "x"], ids=["unfit", "unknown"])
async def test_a_caller_cannot_have_a_long_answer(unfit: str, client: httpx.AsyncClient) -> None:
    long = "k" * 100_000
    texts = ", ".join([f'"{unfit}"'] * 1_000)
    content = f'{{"name": {{"{long}": [{texts}]}}, "{long}": 1}}'
    answer = await client.post(THINGS, content=content, headers=JSON)
    assert answer.status_code == 422
    assert len(answer.content) < 50_000
    assert all(len(detail["field"]) <= 200 for detail in answer.json()["details"])


async def test_texts_as_people_write_them_are_taken(client: httpx.AsyncClient) -> None:
    for name in ("Zoë 🎈", "a\\u0000", "\t\n\x7f", "\ufffd\ufffe"):
        answer = await client.post(THINGS, json={"name": name, "amount": 1})
        assert answer.json()["data"]["name"] == name


async def test_a_route_that_judges_its_items_itself_gets_any_text(
    make_app: MakeApp, connect_to: ConnectTo
) -> None:
    router = APIRouter(route_class=AnyTextRoute)

    @router.post("/things", **PUBLIC)
    async def take(body: Annotated[list[Any], Body()]) -> Envelope[str]:
        return ok(ascii(body), "Taken.")

    async with connect_to(make_app(routers=(router,))) as client:
        answer = await client.post(THINGS, content=b'["\\ud800", "\\u0000"]', headers=JSON)
    assert answer.json()["data"] == r"['\ud800', '\x00']"


def counted(router: APIRouter) -> APIRouter:
    @router.post("/things", **PUBLIC)
    async def create(body: Annotated[Any, Body()], request: Request) -> Envelope[bool]:
        return ok(await request.json() is body, "Parsed.")

    return router


async def test_a_body_is_parsed_once(make_app: MakeApp, connect_to: ConnectTo) -> None:
    app = make_app(routers=(counted(APIRouter(route_class=JsonRoute)),))
    async with connect_to(app) as client:
        answer = await client.post(THINGS, json={"a": 1})
    assert answer.json()["data"] is True


def test_a_router_with_another_parser_stops_the_build(make_app: MakeApp) -> None:
    outer = APIRouter(route_class=JsonRoute)
    outer.include_router(counted(APIRouter(prefix="/inner")))
    with pytest.raises(ForeignDialectError, match="/api/v1/inner/things takes a body"):
        make_app(routers=(outer,))


async def test_who_reads_the_bytes_gets_them_as_they_came(
    make_app: MakeApp, connect_to: ConnectTo
) -> None:
    router = APIRouter()

    @router.post("/things", **PUBLIC)
    async def take(request: Request) -> Envelope[str]:
        return ok((await request.body()).decode("latin-1"), "Taken.")

    signed = b'{"a": NaN, "a": "\xff"}'
    async with connect_to(make_app(routers=(router,))) as client:
        answer = await client.post(THINGS, content=signed, headers=JSON)
    assert answer.json()["data"].encode("latin-1") == signed

"""Every way in which a request can fail, as its caller sees it."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import AfterValidator

from contracts.envelope import Envelope, ErrorDetail
from contracts.error_codes import ErrorCode
from servicekit import errors
from servicekit.responses import ok

THINGS = "/api/v1/things"
JSON = {"Content-Type": "application/json"}
MakeApp = Callable[..., FastAPI]
ConnectTo = Callable[[FastAPI], httpx.AsyncClient]

CLASSES: list[tuple[Any, int, str]] = [
    (errors.MalformedRequestError, 400, "malformed_request"),
    (errors.UnauthenticatedError, 401, "unauthenticated"),
    (errors.ForbiddenError, 403, "forbidden"),
    (errors.NotFoundError, 404, "not_found"),
    (errors.ConflictError, 409, "conflict"),
    (errors.UnprocessableContentError, 422, "validation_failed"),
    (partial(errors.RateLimitedError, retry_after=0.2), 429, "rate_limited"),
    (errors.UnavailableError, 503, "dependency_unavailable"),
]


def envelope(message: str, error: str, **more: Any) -> dict[str, Any]:
    return {
        "success": False, "message": message, "data": None, "error": error, "meta": None, **more
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "status", "code"), CLASSES)
async def test_an_error_class_answers_with_its_status_and_code(
    kind: Callable[[str], errors.ServiceError],
    status: int,
    code: str,
    make_app: MakeApp,
    connect_to: ConnectTo,
) -> None:
    async with connect_to(make_app(error=kind("It is so."))) as client:
        answer = await client.get(f"{THINGS}/error")
    assert answer.status_code == status
    assert answer.json() == envelope("It is so.", code)
    assert answer.headers["content-type"] == "application/json"
    assert "X-Correlation-ID" in answer.headers


def test_the_table_above_holds_every_error_class() -> None:
    defined = {each for each in vars(errors).values() if isinstance(each, type)}
    subclasses = {each for each in defined if issubclass(each, errors.ServiceError)}
    tried = {kind.func if isinstance(kind, partial) else kind for kind, _, _ in CLASSES}
    assert tried == subclasses - {errors.ServiceError}


async def test_an_error_keeps_its_own_code_details_and_headers(
    make_app: MakeApp, connect_to: ConnectTo
) -> None:
    error = errors.ConflictError(
        "Taken.",
        code=ErrorCode.EMAIL_TAKEN,
        details=[ErrorDetail(field="email", code="taken", message="In use.")],
        headers={"Retry-After": "3"},
    )
    async with connect_to(make_app(error=error)) as client:
        answer = await client.get(f"{THINGS}/error")
    details = [{"field": "email", "code": "taken", "message": "In use."}]
    assert answer.json() == envelope("Taken.", "email_taken", details=details)
    assert answer.headers["Retry-After"] == "3"


def test_unavailable_says_when_to_come_back() -> None:
    assert errors.UnavailableError("Away.", retry_after=7).headers == {"Retry-After": "7"}


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1", "/api/v1/nowhere", "//", "/%00"])
async def test_an_unknown_path_is_404(path: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json() == envelope("There is nothing at this path.", "not_found")


async def test_a_wrong_method_is_405_and_names_the_right_ones(client: httpx.AsyncClient) -> None:
    answer = await client.delete(f"{THINGS}/crash")
    assert answer.status_code == 405
    assert answer.json()["error"] == "method_not_allowed"
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize("body", [b"{", b"", b"{'a': 1}", b"\xff\xfe", b"[" * 100_000])
async def test_a_body_that_is_not_json_is_400(body: bytes, client: httpx.AsyncClient) -> None:
    answer = await client.post(THINGS, content=body, headers=JSON)
    if body:
        assert answer.status_code == 400
        assert answer.json()["error"] == "malformed_request"
    else:
        assert answer.status_code == 422
        assert answer.json()["details"][0]["code"] == "missing"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None]
)
async def test_a_body_that_does_not_claim_to_be_json_is_415(
    content_type: str | None, client: httpx.AsyncClient
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await client.post(THINGS, content=b'{"name": "a", "amount": 1}', headers=headers)
    assert answer.status_code == 415
    assert answer.json() == envelope(
        "The body must be sent as application/json.", "unsupported_media_type"
    )


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/a+json"])
async def test_every_name_of_json_is_taken(content_type: str, client: httpx.AsyncClient) -> None:
    answer = await client.post(
        THINGS, content=b'{"name": "a", "amount": 1}', headers={"Content-Type": content_type}
    )
    assert answer.status_code == 200


async def test_invalid_fields_are_422_and_each_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{THINGS}?limit=9", json={"amount": "x", "more": 1})
    assert answer.status_code == 422
    body = answer.json()
    assert body["error"] == "validation_failed"
    assert {(each["field"], each["code"]) for each in body["details"]} == {
        ("limit", "less_than_equal"),
        ("name", "missing"),
        ("amount", "int_parsing"),
        ("more", "extra_forbidden"),
    }
    assert all(each["message"] for each in body["details"])


async def test_a_validators_words_are_told_without_pydantics(
    make_app: MakeApp, connect_to: ConnectTo
) -> None:
    def odd(value: int) -> int:
        if value < 0:
            msg = "It must be positive."
            raise AssertionError(msg)
        if value % 2 == 0:
            msg = "It must be odd."
            raise ValueError(msg)
        return value

    router = APIRouter()

    @router.get("/odd", openapi_extra={"x-access": "public"})
    async def read(number: Annotated[int, AfterValidator(odd), Query()]) -> Envelope[int]:
        return ok(number, "Odd.")

    async with connect_to(make_app(routers=(router,))) as client:
        told = [
            (await client.get(f"/api/v1/odd?number={number}")).json()["details"][0]
            for number in (2, -1)
        ]
    assert told == [
        {"field": "number", "code": "value_error", "message": "It must be odd."},
        {"field": "number", "code": "assertion_error", "message": "It must be positive."},
    ]


async def test_names_at_most_fifty_fields(client: httpx.AsyncClient) -> None:
    answer = await client.post(THINGS, json={f"f{number}": 1 for number in range(500)})
    assert len(answer.json()["details"]) == 50


async def test_a_field_name_that_is_no_unicode_text_is_the_callers_error(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(THINGS, content=b'{"\\ud800": 1}', headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["error"] == "validation_failed"


async def test_a_nonsensical_length_is_no_crash(client: httpx.AsyncClient) -> None:
    headers = httpx.Headers({**JSON, "Content-Length": "\xb2"}, encoding="latin-1")
    answer = await client.post(THINGS, content=b"{}", headers=headers)
    assert answer.status_code == 422


async def test_an_unforeseen_error_is_500_and_tells_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{THINGS}/crash", headers={"X-Correlation-ID": "c-9"})
    assert answer.status_code == 500
    assert answer.json() == envelope(
        "The server failed to answer; the error was logged.", "internal_error"
    )
    assert answer.headers["X-Correlation-ID"] == "c-9"
    assert "hunter2" not in answer.text

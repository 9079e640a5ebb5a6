import json
from typing import Any

import httpx
import pytest
from samples import unused_code

PATH = "/api/v1/templates"
FLAT = {"subject": "Hi", "body": "<p>Hi</p>"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": "Bad Code", **FLAT}, "code"),
        ({"code": "x", **FLAT, "unknown": 1}, "unknown"),
        ({"code": "x", **FLAT, "language": "en_US"}, "language"),
        ({"code": "x", "subject": "Hi"}, "email.body"),
        ({"code": "x", "email": {"subject": "Hi", "content": "a\0b"}}, "email.content"),
        ({"code": "x", "email": {"subject": "Hi", "body": 5}}, "email.body"),
        ({"code": "x"}, "email"),
        ([], "body"),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, writer: dict[str, str], body: Any, field: str
) -> None:
    answer = await client.post(PATH, json=body, headers=writer)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert field in [detail["field"] for detail in answer.json()["details"]]


async def test_a_template_that_does_not_compile_is_refused_with_line_and_reason(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    body = {"code": unused_code(), "subject": "Hi", "body": "<p>\n{{ a.__class__ }}</p>"}
    answer = await client.post(PATH, json=body, headers=writer)
    assert (answer.status_code, answer.json()["error"]) == (422, "template_invalid")
    [detail] = answer.json()["details"]
    assert (detail["field"], detail["code"]) == ("email.body", "template_syntax")
    assert detail["message"].startswith("line 2: ")
    read = await client.get(f"{PATH}/{body['code']}", headers=writer)
    assert read.status_code == 404


EMAIL = {"subject": "Hi", "body": "<p>Hi</p>", "text": "Hi"}
PUSH = {"title": "Hi", "body": "Hi", "image": "i", "link": "l", "data": {"key": "value"}}
TEXTS = [
    *("code", "name", "description", "category", "language", "email.subject", "email.body"),
    *("email.text", "push.title", "push.body", "push.image", "push.link", "push.data.key"),
]


@pytest.mark.parametrize(("unfit", "code"), [("\0", "nul_character"), ("\ud800", "string_unicode")])
@pytest.mark.parametrize("field", TEXTS)
@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("PUT", f"{PATH}/unknown")])
async def test_a_text_that_nothing_can_carry_is_refused_by_its_field(
    client: httpx.AsyncClient,
    writer: dict[str, str],
    method: str,
    path: str,
    field: str,
    unfit: str,
    code: str,
) -> None:
    body: dict[str, Any] = {"code": unused_code(), "email": {**EMAIL}, "push": {**PUSH, "data": {}}}
    *parents, name = field.split(".")
    inner = body
    for parent in parents:
        inner = inner[parent]
    headers = {**writer, "Content-Type": "application/json"}
    inner[name] = f"a{unfit}"
    answer = await client.request(method, path, content=json.dumps(body), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [(one["field"], one["code"]) for one in answer.json()["details"]] == [(field, code)]
    del inner[name]
    inner[f"{name}{unfit}"] = "a"
    answer = await client.request(method, path, content=json.dumps(body), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [(one["field"], one["code"]) for one in answer.json()["details"]] == [
        (".".join(parents) or "body", code)
    ]


@pytest.mark.parametrize(
    ("content", "headers", "status", "error"),
    [
        (b"{", {"Content-Type": "application/json"}, 400, "malformed_request"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (
            b'{"code": "a", "code": "b"}',
            {"Content-Type": "application/json"},
            400,
            "malformed_request",
        ),
        (
            b'{"push": {"data": NaN}}',
            {"Content-Type": "application/json"},
            400,
            "malformed_request",
        ),
        (b'{"code": "\\ud800"}', {"Content-Type": "application/json"}, 422, "validation_failed"),
        (b" " * 300_000, {"Content-Type": "application/json"}, 413, "payload_too_large"),
        (b"[" * 100_000, {"Content-Type": "application/json"}, 400, "malformed_request"),
    ],
)
async def test_an_unreadable_body_is_the_callers_error(
    client: httpx.AsyncClient,
    writer: dict[str, str],
    content: bytes,
    headers: dict[str, str],
    status: int,
    error: str,
) -> None:
    answer = await client.post(PATH, content=content, headers={**writer, **headers})
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    "query", ["version=0", "version=99999999999", "version=x", "language=_", "language="]
)
async def test_a_wrong_query_is_the_callers_error(
    client: httpx.AsyncClient, writer: dict[str, str], query: str
) -> None:
    code = unused_code()
    await client.post(PATH, json={"code": code, **FLAT}, headers=writer)
    answer = await client.get(f"{PATH}/{code}?{query}", headers=writer)
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("DELETE", PATH, 405), ("GET", f"{PATH}/x/y/z", 404), ("GET", "/nowhere", 404)],
)
async def test_unknown_paths_and_methods_answer_the_envelope(
    client: httpx.AsyncClient, writer: dict[str, str], method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path, headers=writer)
    assert answer.status_code == status
    assert answer.json()["success"] is False

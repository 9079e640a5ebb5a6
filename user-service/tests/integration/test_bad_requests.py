import json
from typing import Any

import httpx
import pytest
from running_app import RunningApp
from samples import PASSWORD, unused_email

PATH = "/api/v1/users"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "not-an-address"}, "email"),
        ({"email": "a@example.com, b@example.com"}, "email"),
        ({"email": "Ann <a@example.com>"}, "email"),
        ({"email": "a@example.com\n"}, "email"),
        ({"email": "a\0@example.com"}, "email"),
        ({"email": "a" * 400 + "@example.com"}, "email"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"password": "long enough\0"}, "password"),
        ({"push_token": ""}, "push_token"),
        ({"push_token": "x" * 4097}, "push_token"),
        ({"push_token": "a\0b"}, "push_token"),
        ({"preferences": {"email": True, "sms": True}}, "preferences.sms"),
        ({"preferences": {"email": "yes"}}, "preferences.email"),
        ({"preferences": {"push": 1}}, "preferences.push"),
        ({"language": "en_US"}, "language"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"role": "admin"}, "role"),
        ({"is_active": False}, "is_active"),
        ({"password_hash": "x"}, "password_hash"),
        ({"id": "00000000-0000-0000-0000-000000000000"}, "id"),
        ({"row_version": 5}, "row_version"),
    ],
)
async def test_a_wrong_field_of_a_new_user_is_named(
    client: httpx.AsyncClient, writer: dict[str, str], wrong: dict[str, Any], field: str
) -> None:
    body = {"name": "Ann", "email": unused_email(), **wrong}
    answer = await client.post(PATH, json=body, headers=writer)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"role": "admin"}, "role"),
        ({"name": None}, "name"),
        ({"email": None}, "email"),
        ({"password": None}, "password"),
        ({"password": "short"}, "password"),
        ({"preferences": None}, "preferences"),
        ({"preferences": {"email": None}}, "preferences.email"),
        ({"preferences": {"push": "no"}}, "preferences.push"),
        ({"is_active": None}, "is_active"),
        ({"is_active": 0}, "is_active"),
        ({"language": None}, "language"),
        ({"timezone": ""}, "timezone"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
    ],
)
async def test_a_wrong_field_of_a_patch_is_named_and_nothing_changed(
    app: RunningApp, admin: dict[str, str], wrong: dict[str, Any], field: str
) -> None:
    user = await app.create_user(admin)
    path = f"{PATH}/{user['id']}"
    answer = await app.client.patch(path, json={"name": "New", **wrong}, headers=admin)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
    assert (await app.client.get(path, headers=admin)).json()["data"] == user


@pytest.mark.parametrize("path", [PATH, "/api/v1/auth/login"])
async def test_half_a_surrogate_pair_in_a_password_is_the_callers_error(
    client: httpx.AsyncClient, writer: dict[str, str], path: str
) -> None:
    name = '"name": "Ann", ' if path == PATH else ""
    content = f'{{{name}"email": "{unused_email()}", "password": "long enough\\ud800"}}'
    headers = {**writer, "Content-Type": "application/json"}
    answer = await client.post(path, content=content, headers=headers)
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == ["password"]


USER = {
    "name": "Ann",
    "email": "ann@example.com",
    "password": "long enough",
    "push_token": "token",
    "language": "en",
    "timezone": "UTC",
}
TEXTS = [
    *[("POST", PATH, USER, field) for field in USER],
    *[("PATCH", f"{PATH}/00000000-0000-0000-0000-000000000000", USER, field) for field in USER],
    *[("POST", "/api/v1/auth/login", {"email": "a", "password": "b"}, "email")],
    *[("POST", "/api/v1/api-keys", {"scopes": ["admin"]}, "name")],
    *[("POST", "/api/v1/suppressions", {"reason": "manual"}, "email")],
]


@pytest.mark.parametrize(("unfit", "code"), [("\0", "nul_character"), ("\ud800", "string_unicode")])
@pytest.mark.parametrize(("method", "path", "body", "field"), TEXTS)
async def test_a_text_that_nothing_can_carry_is_refused_by_its_field(
    client: httpx.AsyncClient,
    writer: dict[str, str],
    method: str,
    path: str,
    body: dict[str, Any],
    field: str,
    unfit: str,
    code: str,
) -> None:
    headers = {**writer, "Content-Type": "application/json"}
    content = json.dumps({**body, field: f"{body.get(field, '')}{unfit}"})
    answer = await client.request(method, path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [(one["field"], one["code"]) for one in answer.json()["details"]] == [(field, code)]
    content = json.dumps({**body, f"{field}{unfit}": 1})
    answer = await client.request(method, path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("content", "headers", "status", "error"),
    [
        (b"{", {"Content-Type": "application/json"}, 400, "malformed_request"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (
            b'{"name": "a", "name": "b"}',
            {"Content-Type": "application/json"},
            400,
            "malformed_request",
        ),
        (b'{"name": NaN}', {"Content-Type": "application/json"}, 400, "malformed_request"),
        (b"[" * 100_000, {"Content-Type": "application/json"}, 400, "malformed_request"),
        (b'{"name": "\\ud800"}', {"Content-Type": "application/json"}, 422, "validation_failed"),
        (b" " * 300_000, {"Content-Type": "application/json"}, 413, "payload_too_large"),
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
    for path in (PATH, "/api/v1/auth/login"):
        answer = await client.post(path, content=content, headers={**writer, **headers})
        assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_a_page_beyond_the_limits_is_refused(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    for query in ("page=0", "limit=101", "limit=x", "page=99999999999999999999"):
        answer = await client.get(f"{PATH}?{query}", headers=writer)
        assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")


async def test_a_password_is_in_no_answer(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    body = {"name": "Ann", "email": "wrong", "password": PASSWORD}
    answer = await client.post(PATH, json=body, headers=writer)
    assert answer.status_code == 422
    assert PASSWORD not in answer.text

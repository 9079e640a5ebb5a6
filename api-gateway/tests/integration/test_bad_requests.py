"""Every mistake of a caller: the envelope with the right code, and never a 500."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from gateway import PATH
from loopback_services import LoopbackServices
from samples import live_version, template, unused, user

from contracts.access import Scope
from contracts.envelope import ErrorEnvelope
from contracts.notification import NotificationType


def judged(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an answer that has the shape of all errors."""
    envelope = ErrorEnvelope.model_validate_json(answer.content)
    assert not envelope.success
    assert envelope.message
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["X-Correlation-ID"]
    return answer.status_code, envelope.error.value


@pytest.mark.parametrize(
    ("changes", "expected", "fields"),
    [
        ({"unknown": 1}, (422, "validation_failed"), ["unknown"]),
        ({"\ud800": 1}, (422, "validation_failed"), None),
        ({"nul\0": 1}, (422, "validation_failed"), None),
        ({"priority": "high"}, (422, "validation_failed"), ["priority"]),
        ({"priority": [1]}, (422, "validation_failed"), ["priority"]),
        ({"priority": 10**400}, (422, "validation_failed"), ["priority"]),
        ({"user_id": "john"}, (422, "validation_failed"), ["user_id"]),
        ({"user_id": "\ud800"}, (422, "validation_failed"), ["user_id"]),
        ({"template_code": "\0"}, (422, "validation_failed"), ["template_code"]),
        ({"template_code": "\udfff"}, (422, "validation_failed"), ["template_code"]),
        ({"template_code": ["a"]}, (422, "validation_failed"), ["template_code"]),
        ({"notification_type": "sms"}, (422, "validation_failed"), ["notification_type"]),
        ({"notification_type": {}}, (422, "validation_failed"), ["notification_type"]),
        ({"request_id": "\ud800"}, (422, "validation_failed"), ["request_id"]),
        ({"variables": {"a": "\0"}}, (422, "validation_failed"), ["variables.a"]),
        ({"variables": {"a": "\ud800"}}, (422, "validation_failed"), ["variables.a"]),
        ({"variables": {"\ud800": 1}}, (422, "validation_failed"), ["variables"]),
        ({"variables": {"a": [{"b\0": 1}]}}, (422, "validation_failed"), ["variables.a.0"]),
        ({"metadata": {"x": "\udfff"}}, (422, "validation_failed"), ["metadata.x"]),
        ({"variables": {"a": float("nan")}}, (400, "malformed_request"), None),
        ({"variables": {"a": float("inf")}}, (400, "malformed_request"), None),
        ({"variables": {"a": 2**64}}, (422, "validation_failed"), ["variables.a"]),
        ({"metadata": {"a": [0, 2**63]}}, (422, "validation_failed"), ["metadata.a.1"]),
        ({"metadata": {"a": 10**400}}, (422, "validation_failed"), ["metadata.a"]),
        ({"metadata": [1]}, (422, "validation_failed"), ["metadata"]),
        ({"scheduled_at": "2030-01-01T00:00:00Z"}, (422, "validation_failed"), ["scheduled_at"]),
        ({"expires_at": "2030-01-01"}, (422, "validation_failed"), ["expires_at"]),
        (
            {"expires_at": "9999-12-31T23:59:59-12:00"},
            (422, "validation_failed"),
            ["expires_at"],
        ),
        ({"expires_at": "2020-01-01T00:00:00Z"}, (422, "validation_failed"), ["expires_at"]),
        ({"language": "\n"}, (422, "validation_failed"), ["language"]),
        ({"user_id": str(uuid4())}, (404, "user_not_found"), None),
        ({"template_code": "no_such_template"}, (404, "template_not_found"), None),
        ({"template_code": ".."}, (422, "validation_failed"), ["template_code"]),
        ({"template_code": "."}, (422, "validation_failed"), ["template_code"]),
        ({"variables": {}}, (422, "missing_variables"), ["variables.name"]),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient,
    app_key: dict[str, str],
    body: dict[str, Any],
    changes: dict[str, Any],
    expected: tuple[int, str],
    fields: list[str] | None,
) -> None:
    content = json.dumps({**body, **changes})
    headers = {**app_key, "Content-Type": "application/json"}
    answer = await client.post(PATH, content=content, headers=headers)
    assert judged(answer) == expected
    if fields is not None:
        assert [detail["field"] for detail in answer.json()["details"]] == fields


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", (400, "malformed_request")),
        (b'{"a": }', (400, "malformed_request")),
        (b"\xff\xfe", (400, "malformed_request")),
        (b'{"a": "\xff"}', (400, "malformed_request")),
        (b'{"priority": ' + b"9" * 5_000 + b"}", (422, "validation_failed")),
        (b'{"priority": 1e400}', (422, "validation_failed")),
        (b"[" * 100_000, (400, "malformed_request")),
        (
            b'{"variables": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}",
            (400, "malformed_request"),
        ),
        (b"", (422, "validation_failed")),
        (b"null", (422, "validation_failed")),
        (b"[]", (422, "validation_failed")),
        (b'"text"', (422, "validation_failed")),
        (b"5", (422, "validation_failed")),
        (b"{}", (422, "validation_failed")),
    ],
)
async def test_a_body_that_is_not_the_right_json_is_refused(
    client: httpx.AsyncClient,
    app_key: dict[str, str],
    content: bytes,
    expected: tuple[int, str],
) -> None:
    headers = {**app_key, "Content-Type": "application/json"}
    answer = await client.post(PATH, content=content, headers=headers)
    assert judged(answer) == expected


async def test_a_body_over_256_kib_is_refused_declared_or_not(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    too_much = json.dumps({**body, "variables": {"name": "x" * 256 * 1024}}).encode()

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(too_much), 10_000):
            yield too_much[start : start + 10_000]

    headers = {**app_key, "Content-Type": "application/json"}
    for content in (too_much, in_chunks()):
        answer = await client.post(PATH, content=content, headers=headers)
        assert judged(answer) == (413, "payload_too_large")


async def test_a_body_of_just_under_256_kib_is_taken(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    answer = await client.post(
        PATH, json={**body, "variables": {"name": "x" * 255 * 1024}}, headers=app_key
    )
    assert answer.status_code == 202


async def test_other_media_types_are_refused(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        headers = {**app_key, "Content-Type": kind}
        answer = await client.post(PATH, content=json.dumps(body), headers=headers)
        assert judged(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("PUT", PATH, (405, "method_not_allowed")),
        ("DELETE", f"{PATH}/", (405, "method_not_allowed")),
        ("POST", f"{PATH}/notif_1", (405, "method_not_allowed")),
        ("GET", "/api/v1/nothing", (404, "not_found")),
        ("GET", "/", (404, "not_found")),
        ("GET", f"{PATH}/a/b", (404, "not_found")),
    ],
)
async def test_wrong_paths_and_methods_get_the_envelope(
    client: httpx.AsyncClient,
    app_key: dict[str, str],
    method: str,
    path: str,
    expected: tuple[int, str],
) -> None:
    assert judged(await client.request(method, path, headers=app_key)) == expected


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "limit=0", "limit=101", "page=" + "9" * 30, "limit=1.5"]
)
async def test_a_page_that_cannot_be_is_refused(
    client: httpx.AsyncClient, app_key: dict[str, str], query: str
) -> None:
    answer = await client.get(f"{PATH}?{query}", headers=app_key)
    assert judged(answer) == (422, "validation_failed")
    assert answer.json()["details"][0]["field"] == query.partition("=")[0]


async def test_a_template_without_the_channel_is_the_callers_mistake(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    mail_only = services.has_template(
        template(languages={"en": live_version(1, NotificationType.EMAIL)})
    )
    asked = {**body, "template_code": mail_only.code, "notification_type": "push"}
    answer = await client.post(PATH, json=asked, headers=app_key)
    assert judged(answer) == (422, "template_channel_missing")


async def test_strangers_and_callers_without_the_scope_are_refused(
    client: httpx.AsyncClient, services: LoopbackServices, body: dict[str, Any]
) -> None:
    reader = services.api_key(Scope.NOTIFICATIONS_READ)
    sender = services.api_key(Scope.NOTIFICATIONS_SEND)
    revoked = services.api_key(Scope.NOTIFICATIONS_SEND, is_active=False)
    expired = services.bearer(uuid4(), seconds=-30)
    someone = services.bearer(services.has_user(user()).user_id)
    unauthenticated, forbidden = (401, "unauthenticated"), (403, "forbidden")
    for headers, expected in (
        ({}, unauthenticated),
        ({"X-API-Key": "wrong"}, unauthenticated),
        ({"X-API-Key": "\xff"}, unauthenticated),
        ({"Authorization": "Bearer x.y.z"}, unauthenticated),
        ({"X-Service-Token": "user-service:x"}, unauthenticated),
        (revoked, unauthenticated),
        (expired, unauthenticated),
        (reader, forbidden),
        (someone, forbidden),
    ):
        encoded = httpx.Headers(headers, encoding="latin-1")
        assert judged(await client.post(PATH, json=body, headers=encoded)) == expected
    assert judged(await client.get(PATH, headers=sender)) == forbidden
    assert judged(await client.get(PATH)) == unauthenticated


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"priority": 1, "priority": 2}', 'the key "priority" comes twice in one object'),
        (
            b'{"variables": {"name": "a", "name": "b"}}',
            'the key "name" comes twice in one object, at variables',
        ),
        (b'{"variables": {"share": NaN}}', "NaN is no number of JSON's, at variables.share"),
        (b'{"variables": %s}' % (b'{"a":' * 100_000), "it is nested more than 64 levels deep"),
    ],
    ids=["key", "inner key", "NaN", "depth"],
)
@pytest.mark.parametrize("path", [PATH, f"{PATH}/batch", f"{PATH}/explain"])
async def test_json_that_only_some_understand_is_refused_and_says_why(
    client: httpx.AsyncClient, app_key: dict[str, str], path: str, content: bytes, reason: str
) -> None:
    if not path.endswith("batch"):
        content = content[: 200 * 1024]
    headers = app_key | {"Content-Type": "application/json"}
    answer = await client.post(path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed_request")
    assert answer.json()["message"] == f"The body is not valid JSON: {reason}."


@pytest.mark.parametrize("path", [PATH, "/api/v1/admin/dead-letters"])
async def test_a_list_takes_no_parameter_that_it_does_not_know(
    client: httpx.AsyncClient, services: LoopbackServices, path: str
) -> None:
    admin = services.api_key(Scope.ADMIN)
    assert (await client.get(f"{path}?limit=5&template_code=a", headers=admin)).status_code == 200
    answer = await client.get(f"{path}?limit=5&templates=a&user=b", headers=admin)
    assert judged(answer) == (422, "validation_failed")
    assert [
        (detail["field"], detail["code"]) for detail in answer.json()["details"]
    ] == [("templates", "extra_forbidden"), ("user", "extra_forbidden")]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([b""], (422, "validation_failed")),
        ([b'""'], (422, "validation_failed")),
        ([b'"open'], (422, "validation_failed")),
        ([b"\xc3\xa9"], (422, "validation_failed")),
        ([b"x" * 256], (422, "validation_failed")),
        ([b"a", b"b"], (400, "malformed_request")),
        ([b"other"], (400, "malformed_request")),
    ],
)
@pytest.mark.parametrize("path", [PATH, f"{PATH}/batch", f"{PATH}/explain"])
async def test_an_idempotency_key_that_is_none_is_refused(
    client: httpx.AsyncClient,
    app_key: dict[str, str],
    body: dict[str, Any],
    path: str,
    keys: list[bytes],
    expected: tuple[int, str],
) -> None:
    is_batch = path.endswith("batch")
    headers = [(b"idempotency-key", key) for key in keys]
    headers += [(name.encode(), value.encode()) for name, value in app_key.items()]
    answer = await client.post(
        path, json={"notifications": [body]} if is_batch else body, headers=headers
    )
    if is_batch and keys == [b"other"]:
        assert answer.status_code == 202  # a batch's items have ids of their own
        return
    assert judged(answer) == expected
    if expected[0] == 422:
        assert [detail["field"] for detail in answer.json()["details"]] == ["Idempotency-Key"]


async def test_an_item_with_a_text_that_nothing_can_carry_costs_the_others_nothing(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({"variables": {"name": "\ud800"}}, "variables.name", "string_unicode"),
        ({"metadata": {"x": ["\0"]}}, "metadata.x.0", "nul_character"),
        ({"request_id": "\ud800"}, "request_id", "string_unicode"),
        ({"\ud800": 1}, "body", "string_unicode"),
        ({"variables": {"name": 2**64}}, "variables.name", "integer_size"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "time_range"),
    ]
    items = [{**body, "request_id": unused("req"), **changes} for changes, _, _ in wrong]
    items.append({**body, "request_id": unused("req")})
    content = json.dumps({"notifications": items})
    headers = {**app_key, "Content-Type": "application/json"}
    answer = await client.post(f"{PATH}/batch", content=content, headers=headers)
    assert answer.status_code == 202
    results = answer.json()["data"]["results"]
    told = [
        [(detail["field"], detail["code"]) for detail in each["details"]] for each in results[:-1]
    ]
    assert told == [[(field, code)] for _, field, code in wrong]
    assert results[2]["request_id"] is None  # what is no id cannot name the item
    assert results[-1]["success"] is True


async def test_a_line_break_in_a_variable_is_text_which_the_renderer_keeps_out_of_headers(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    asked = {**body, "variables": {"name": "John\r\nBcc: x@example.com"}, "metadata": {"a": "\x1b"}}
    assert (await client.post(PATH, json=asked, headers=app_key)).status_code == 202

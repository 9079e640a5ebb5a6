"""Whatever is wrong with a request is said in the envelope with the right code, never by a 500."""

from typing import Any
from uuid import uuid4

import pytest

from devstack.system_client import SystemClient
from servicekit.http_client import HttpResponse


def assert_refused(answer: HttpResponse, status: int, error: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body["success"] is False
    assert body["error"] == error
    assert body["message"]
    assert answer.headers["X-Correlation-ID"]
    return body


@pytest.mark.parametrize(
    ("change", "status", "error", "field"),
    [
        ({"nickname": "x"}, 422, "validation_failed", "nickname"),
        ({"priority": "high"}, 422, "validation_failed", "priority"),
        ({"user_id": 17}, 422, "validation_failed", "user_id"),
        ({"notification_type": "fax"}, 422, "validation_failed", "notification_type"),
        ({"variables": {}}, 422, "missing_variables", "variables.name"),
        ({"variables": {"name": None}}, 422, "missing_variables", "variables.name"),
        ({"variables": {"name": "a\0b"}}, 422, "validation_failed", "variables.name"),
        ({"user_id": str(uuid4())}, 404, "user_not_found", None),
        ({"template_code": "nothing_of_this_name"}, 404, "template_not_found", None),
    ],
)
async def test_a_wrong_request_names_what_is_wrong(
    system: SystemClient,
    welcome: dict[str, Any],
    change: dict[str, Any],
    status: int,
    error: str,
    field: str | None,
) -> None:
    body = assert_refused(await system.post_notification({**welcome, **change}), status, error)
    if field:
        assert [detail["field"] for detail in body["details"]] == [field]


async def test_a_refused_request_does_not_use_up_its_request_id(
    system: SystemClient, welcome: dict[str, Any]
) -> None:
    assert_refused(
        await system.post_notification({**welcome, "variables": {}}), 422, "missing_variables"
    )
    assert (await system.post_notification(welcome)).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status", "error"),
    [
        ("POST", "/notifications", b"{not json", {}, 400, "malformed_request"),
        (
            "POST",
            "/notifications",
            b"a=1",
            {"Content-Type": "text/plain"},
            415,
            "unsupported_media_type",
        ),
        (
            "POST",
            "/notifications",
            b'{"a": "' + b"x" * 300_000 + b'"}',
            {},
            413,
            "payload_too_large",
        ),
        ("DELETE", "/notifications", None, {}, 405, "method_not_allowed"),
        ("GET", "/nothing", None, {}, 404, "not_found"),
        ("GET", "/notifications/notif_unknown", None, {}, 404, "not_found"),
        ("GET", "/notifications?limit=1000", None, {}, 422, "validation_failed"),
        ("GET", "/notifications", None, {"X-API-Key": "nk_live_wrong"}, 401, "unauthenticated"),
    ],
)
async def test_a_wrong_call_is_answered_with_the_envelope(
    system: SystemClient,
    method: str,
    path: str,
    content: bytes | None,
    headers: dict[str, str],
    status: int,
    error: str,
) -> None:
    answer = await system.http.request(
        method,
        f"{system.urls.gateway}/api/v1{path}",
        content=content,
        headers={"X-API-Key": system.api_key, "Content-Type": "application/json", **headers},
    )
    assert_refused(answer, status, error)


async def test_without_credentials_nothing_is_answered(system: SystemClient) -> None:
    for url in (
        f"{system.urls.gateway}/api/v1/notifications",
        f"{system.urls.user_service}/api/v1/users",
        f"{system.urls.template_service}/api/v1/templates",
    ):
        assert_refused(await system.http.get(url), 401, "unauthenticated")

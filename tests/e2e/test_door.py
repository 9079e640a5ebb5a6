"""One address for everything: what is asked of the gateway, and belongs to a service behind it."""

from typing import Any
from uuid import uuid4

import pytest

from devstack.addresses import ADMIN_EMAIL
from devstack.stack import Stack
from devstack.system_client import SystemClient


@pytest.fixture
def door(system: SystemClient) -> str:
    return f"{system.urls.gateway}/api/v1"


async def test_a_life_by_the_gateways_address_alone(
    stack: Stack, system: SystemClient, door: str
) -> None:
    """Sign in, make a key, a user and a template, send, read, choose, and be left alone."""
    signed_in = await system.http.post(
        f"{door}/auth/login/",
        json={"email": ADMIN_EMAIL, "password": stack.secrets.admin_password},
    )
    assert signed_in.status_code == 200
    admin = {"Authorization": f"Bearer {signed_in.json()['data']['token']}"}
    made = await system.http.post(
        f"{door}/api-keys",
        json={
            "name": "door",
            "scopes": ["users:write", "users:read", "templates:write", "notifications:send"],
        },
        headers=admin,
    )
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    key = {"X-API-Key": made.json()["data"]["key"]}

    async def call(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await system.http.request(method, f"{door}{path}", json=body, headers=key)
        assert answer.status_code in {200, 201, 202}, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    user = await call(
        "POST", "/users", {"name": "Grace", "email": f"grace.{uuid4().hex[:12]}@example.com"}
    )
    code = f"door_{uuid4().hex[:8]}"
    await call(
        "POST",
        "/templates",
        {"code": code, "category": "marketing", "subject": "Hello", "body": "<p>Hello</p>"},
    )
    asked = {"notification_type": "email", "user_id": user["user_id"], "template_code": code}
    sent = await call("POST", "/notifications", asked)
    finished = await system.finished(sent["notification_id"], 30)
    assert finished["status"] == "delivered"
    preferences = f"/users/{user['user_id']}/preferences"
    await call("PATCH", preferences, {"categories": {"marketing": {"email": False}}})
    assert (await call("GET", f"{preferences}/"))["categories"]["marketing"]["email"] is False
    assert (await call("POST", "/notifications", asked))["status"] == "suppressed"
    listed = await system.http.get(f"{door}/users?limit=1&page=2", headers=key)
    assert listed.json()["meta"]["page"] == 2


async def test_what_the_services_ask_of_each_other_is_not_reached(
    stack: Stack, system: SystemClient, user: dict[str, Any], door: str
) -> None:
    token = f"api-gateway:{stack.secrets.service_tokens['api-gateway']}"
    for headers in ({"X-Service-Token": token}, {"x-service-token": token}):
        for path in (
            f"/users/{user['user_id']}/snapshot",
            "/users/%2e%2e/snapshots",
            f"/users/x%2F..%2F{user['user_id']}%2Fsnapshot",
            "/users/..%2Fapi-keys",
            "/templates/welcome_email/snapshot",
            "/templates/welcome_email/versions/1",
            f"/api-keys/by-digest/{'0' * 64}",
        ):
            answer = await system.http.get(f"{door}{path}", headers=headers)
            assert answer.status_code in {401, 404}, path
            assert answer.json()["success"] is False
        # Reached, and the token has not passed.
        answer = await system.http.get(f"{door}/users", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
        answer = await system.http.post(
            f"{door}/users/snapshots", json={"user_ids": [user["user_id"]]}, headers=headers
        )
        assert answer.status_code == 405


async def test_an_answer_from_behind_has_one_correlation_id_and_its_own_status(
    system: SystemClient, door: str
) -> None:
    answer = await system.http.get(
        f"{door}/users/{uuid4()}",
        headers={"X-API-Key": system.api_key, "X-Correlation-ID": "from-me"},
    )
    assert (answer.status_code, answer.json()["error"]) == (404, "user_not_found")
    assert answer.headers.get_list("X-Correlation-ID") == ["from-me"]
    wrong = await system.http.put(f"{door}/users", json={}, headers={"X-API-Key": system.api_key})
    assert wrong.status_code == 405
    assert set(wrong.headers["Allow"].split(", ")) == {"GET", "POST"}


async def test_a_service_that_is_away_is_said_to_be(
    stack: Stack, system: SystemClient, door: str
) -> None:
    template_service = stack.services["template-service"]
    await template_service.stop()
    try:
        answer = await system.http.get(f"{door}/templates", headers={"X-API-Key": system.api_key})
        assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert "template-service" in answer.json()["message"]
        assert (
            await system.http.get(f"{door}/users", headers={"X-API-Key": system.api_key})
        ).status_code == 200
    finally:
        await template_service.start()
        await stack.ready(["template-service"])

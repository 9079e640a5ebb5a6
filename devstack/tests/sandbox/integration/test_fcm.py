"""Pushes by FCM HTTP v1 over HTTP/2, with tokens from the token endpoint."""

from typing import Any, Protocol

import httpx
import pytest

URL = "/v1/projects/notification-sandbox/messages:send"
MESSAGE = {
    "token": "device-1",
    "notification": {"title": "Shipped", "body": "It arrives tomorrow."},
    "data": {"delivery_id": "dlv_1", "notification_id": "notif_1"},
}


class Push(Protocol):
    async def __call__(self, client: httpx.AsyncClient, **message: Any) -> httpx.Response: ...


class Log(Protocol):
    start: int

    async def entries(self) -> list[dict[str, Any]]: ...


async def test_takes_a_push_over_http2_and_logs_it(
    api: httpx.AsyncClient, google: httpx.AsyncClient, push: Push, log: Log
) -> None:
    answer = await push(google)
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
    name = answer.json()["name"]
    assert name.startswith("projects/notification-sandbox/messages/0:")
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["code"], entry["recipient"]) == (True, 200, "device-1")
    assert (entry["delivery_id"], entry["notification_id"]) == ("dlv_1", "notif_1")
    assert (entry["title"], entry["message_id"]) == ("Shipped", name)
    listed = (await api.get("/api/v1/pushes", params={"query": "token:device-1"})).json()
    assert (listed["pushes_count"], listed["pushes"][0]["Message"]) == (1, MESSAGE)
    one = await api.get(f"/api/v1/pushes/{listed['pushes'][0]['ID']}")
    assert one.json()["Data"]["delivery_id"] == "dlv_1"


async def test_takes_a_push_over_plain_http_too(api: httpx.AsyncClient, push: Push) -> None:
    assert (await push(api)).status_code == 200


async def test_a_dry_run_hands_nothing_over(
    google: httpx.AsyncClient, bearer: dict[str, str], log: Log
) -> None:
    body = {"message": MESSAGE, "validateOnly": True}
    answer = await google.post(URL, headers=bearer, json=body)
    assert answer.json()["name"].endswith("/fake_message_id")
    assert await log.entries() == []


async def test_refuses_a_message_that_does_not_fit_the_schema(
    google: httpx.AsyncClient, push: Push, log: Log
) -> None:
    answer = await push(google, x=1)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert error["message"].startswith('Invalid JSON payload received. Unknown name "x" at')
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["code"], entry["delivery_id"]) == (False, 400, "dlv_1")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "CREDENTIALS_MISSING"),
        ({"Authorization": "Bearer made-up"}, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ({"Authorization": "Basic eA=="}, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    ],
)
async def test_refuses_a_caller_without_a_good_token(
    google: httpx.AsyncClient, headers: dict[str, str], reason: str
) -> None:
    answer = await google.post(URL, headers=headers, json={"message": MESSAGE})
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    assert answer.json()["error"]["details"][0]["reason"] == reason


async def test_refuses_another_project(google: httpx.AsyncClient, bearer: dict[str, str]) -> None:
    url = "/v1/projects/someone-else/messages:send"
    answer = await google.post(url, headers=bearer, json={"message": MESSAGE})
    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")

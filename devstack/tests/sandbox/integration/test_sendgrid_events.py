"""Signed events: what a webhook gets, and that it can verify it."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from devstack.sandbox.sandbox_process import SandboxProcess


@dataclass
class Webhook:
    """A web server that keeps what is posted to it and answers 503."""

    url: str = ""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.posts.append((headers, body))
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy")
        writer.close()


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    hook = Webhook()
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    hook.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
    yield hook
    server.close()


@pytest.fixture
async def message_id(api: httpx.AsyncClient) -> str:
    body = {
        "personalizations": [{"to": [{"email": "ada@example.org"}]}],
        "from": {"email": "no-reply@acme.test"},
        "subject": "Welcome",
        "content": [{"type": "text/plain", "value": "Hi"}],
        "custom_args": {"delivery_id": "dlv_9", "attempt": "1"},
    }
    answer = await api.post(
        "/v3/mail/send", json=body, headers={"Authorization": "Bearer SG.sandbox"}
    )
    found: str = answer.headers["x-message-id"]
    return found


async def test_posts_the_event_of_a_mail(
    api: httpx.AsyncClient, webhook: Webhook, message_id: str
) -> None:
    order = {
        "url": webhook.url,
        "events": [
            {"event": "bounce", "message_id": message_id},
            {"event": "deferred", "delivery_id": "dlv_9", "attempt": "4"},
            {"event": "open", "email": "other@example.org"},
        ],
    }
    answer = (await api.post("/sandbox/sendgrid/events", json=order)).json()
    ((_, body),) = webhook.posts
    bounce, deferred, foreign = json.loads(body)
    assert (answer["status"], answer["body"], answer["events"]) == (503, "busy", json.loads(body))
    assert (bounce["event"], bounce["type"], bounce["status"]) == ("bounce", "bounce", "5.1.1")
    assert (bounce["email"], bounce["delivery_id"]) == ("ada@example.org", "dlv_9")
    assert bounce["sg_message_id"].startswith(f"{message_id}.")
    assert bounce["sg_event_id"] != deferred["sg_event_id"]
    assert (deferred["attempt"], "type" in deferred) == ("4", False)
    assert (foreign["email"], "delivery_id" in foreign) == ("other@example.org", False)


async def test_signs_timestamp_and_body_with_the_key_that_it_shows(
    sandbox: SandboxProcess, api: httpx.AsyncClient, webhook: Webhook
) -> None:
    shown = (await api.get("/sandbox/sendgrid/public-key")).json()["public_key"]
    assert (sandbox.data / "sendgrid-events.pub").read_text() == f"{shown}\n"
    assert (sandbox.data / "sendgrid-events.key").stat().st_mode & 0o077 == 0
    key = load_der_public_key(base64.b64decode(shown))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    orders: list[dict[str, Any]] = [{}, {"timestamp": "1600112502"}]
    for more in orders:
        order = {"url": webhook.url, "events": [{"event": "processed"}], **more}
        assert (await api.post("/sandbox/sendgrid/events", json=order)).status_code == 200
    for headers, body in webhook.posts:
        signature = base64.b64decode(headers["x-twilio-email-event-webhook-signature"])
        timestamp = headers["x-twilio-email-event-webhook-timestamp"]
        key.verify(signature, timestamp.encode() + body, ec.ECDSA(SHA256()))
    stamps = [h["x-twilio-email-event-webhook-timestamp"] for h, _ in webhook.posts]
    assert abs(int(stamps[0]) - time.time()) < 10
    assert stamps[1] == "1600112502"


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"url": "x", "events": [{"event": "open"}]}, "url"),
        ({"url": "http://[::1", "events": [{"event": "open"}]}, "url"),
        ({"url": "http://127.0.0.1:1", "events": []}, "events"),
        ({"url": "http://127.0.0.1:1", "events": [{"event": "boom"}]}, "events.0.event"),
        (
            {"url": "http://127.0.0.1:1", "events": [{"event": "open", "message_id": "none"}]},
            "events.0.message_id",
        ),
    ],
)
async def test_names_what_is_wrong_with_an_order(
    api: httpx.AsyncClient, order: dict[str, Any], field: str
) -> None:
    answer = await api.post("/sandbox/sendgrid/events", json=order)
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


async def test_says_that_the_webhook_is_away(api: httpx.AsyncClient) -> None:
    order = {"url": "http://127.0.0.1:1/", "events": [{"event": "open"}]}
    answer = await api.post("/sandbox/sendgrid/events", json=order)
    assert answer.status_code == 502
    assert "did not answer" in answer.json()["error"]

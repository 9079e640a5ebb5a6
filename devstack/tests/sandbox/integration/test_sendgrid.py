"""SendGrid's mail send: a mail by HTTP, and every way in which it can be told to fail."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import httpx
import pytest

from devstack.sandbox.sandbox_process import SandboxProcess

Send = Callable[..., Awaitable[httpx.Response]]


class Log(Protocol):
    start: int

    async def entries(self) -> list[dict[str, Any]]: ...


@pytest.fixture
def send(api: httpx.AsyncClient) -> Send:
    async def post(
        client: httpx.AsyncClient = api, *, key: str = "SG.sandbox", **changes: Any
    ) -> httpx.Response:
        body = {
            "personalizations": [{"to": [{"email": "ada@example.org"}]}],
            "from": {"email": "no-reply@acme.test", "name": "Acme"},
            "subject": "Welcome",
            "content": [{"type": "text/plain", "value": "Hello Ada, the code is 4711."}],
            "custom_args": {"delivery_id": "dlv_1", "notification_id": "notif_1"},
            "headers": {"Message-ID": "<dlv_1@acme.test>"},
            **changes,
        }
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await client.post("/v3/mail/send", json=body, headers=headers, timeout=1)

    return post


async def test_takes_a_mail_into_the_inbox_and_logs_it(
    api: httpx.AsyncClient, send: Send, log: Log
) -> None:
    answer = await send()
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["x-message-id"]
    opened = (await api.get("/api/v1/message/latest")).json()
    assert (opened["Subject"], opened["Text"].strip()) == (
        "Welcome",
        "Hello Ada, the code is 4711.",
    )
    (entry,) = await log.entries()
    assert (entry["provider"], entry["channel"], entry["accepted"]) == ("sendgrid", "email", True)
    assert (entry["code"], entry["recipient"]) == (202, "ada@example.org")
    assert (entry["delivery_id"], entry["notification_id"]) == ("dlv_1", "notif_1")
    assert (entry["subject"], entry["message_id"]) == ("Welcome", "dlv_1@acme.test")


async def test_answers_on_tls_with_http_1_as_well(sandbox: SandboxProcess, send: Send) -> None:
    trust = ssl.create_default_context(cafile=sandbox.ca)
    base = sandbox.https.replace("127.0.0.1", "localhost")
    async with httpx.AsyncClient(base_url=base, verify=trust, trust_env=False) as client:
        answer = await send(client)
    assert (answer.status_code, answer.http_version) == (202, "HTTP/1.1")


@pytest.mark.parametrize("key", ["", "SG.other"])
async def test_refuses_who_does_not_show_the_key(send: Send, log: Log, key: str) -> None:
    answer = await send(key=key)
    assert answer.status_code == 401
    (error,) = answer.json()["errors"]
    assert (set(error), error["field"]) == ({"message", "field", "help"}, None)
    assert [entry["code"] for entry in await log.entries()] == [401]


async def test_refuses_a_wrong_body_as_sendgrid_does(
    api: httpx.AsyncClient, send: Send, log: Log
) -> None:
    answer = await send(personalizations=[{"to": [{"email": "nobody"}]}])
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "personalizations.0.to.0.email"
    assert error["message"] == "Does not contain a valid address."
    assert error["help"].endswith("#message.personalizations.0.to.0.email")
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["delivery_id"], entry["recipient"]) == (
        False,
        "dlv_1",
        "nobody",
    )
    assert (await api.get("/api/v1/messages")).json()["total"] == 0


async def test_checks_without_sending_in_sandbox_mode(api: httpx.AsyncClient, send: Send) -> None:
    answer = await send(mail_settings={"sandbox_mode": {"enable": True}})
    assert answer.status_code == 200
    assert (await api.get("/api/v1/messages")).json()["total"] == 0


async def test_makes_a_mail_of_each_personalization(
    api: httpx.AsyncClient, send: Send, log: Log
) -> None:
    await send(
        personalizations=[
            {"to": [{"email": "ada@example.org"}], "custom_args": {"delivery_id": "a"}},
            {"to": [{"email": "bob@example.org"}], "subject": "Yours"},
        ]
    )
    assert [(e["recipient"], e["delivery_id"]) for e in await log.entries()] == [
        ("ada@example.org", "a"),
        ("bob@example.org", "dlv_1"),
    ]
    listed = (await api.get("/api/v1/messages")).json()["messages"]
    assert [mail["Subject"] for mail in listed] == ["Yours", "Welcome"]


async def test_says_when_the_limit_ends(api: httpx.AsyncClient, send: Send) -> None:
    rule = {"status": 429, "retry_after": 30, "times": 1}
    await api.put("/sandbox/failures/sendgrid", json=[rule])
    answer = await send()
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (429, "0")
    assert 25 <= int(answer.headers["x-ratelimit-reset"]) - time.time() <= 31
    assert (await send()).status_code == 202


async def test_refuses_only_the_recipients_of_the_rule(api: httpx.AsyncClient, send: Send) -> None:
    rule = {"recipient": "*@bad.test", "status": 503, "retry_after": 5, "text": "Not you"}
    await api.put("/sandbox/failures/sendgrid", json=[rule])
    assert (await send()).status_code == 202
    answer = await send(personalizations=[{"to": [{"email": "x@bad.test"}]}])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["errors"][0]["message"] == "Not you"


@pytest.mark.parametrize(
    ("action", "failure", "stored"),
    [
        ("drop_before_accept", httpx.RemoteProtocolError, 0),
        ("drop_after_accept", httpx.RemoteProtocolError, 1),
        ("hang", httpx.ReadTimeout, 0),
        ("hang_after_accept", httpx.ReadTimeout, 1),
    ],
)
async def test_gives_no_answer(
    api: httpx.AsyncClient,
    send: Send,
    log: Log,
    action: str,
    failure: type[Exception],
    stored: int,
) -> None:
    await api.put("/sandbox/failures/sendgrid", json=[{"action": action, "times": 1}])
    with pytest.raises(failure):
        await send()
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["code"]) == (bool(stored), 0)
    assert (await api.get("/api/v1/messages")).json()["total"] == stored
    assert (await send()).status_code == 202


async def test_drips_its_answer_from_the_first_byte_on(api: httpx.AsyncClient, send: Send) -> None:
    rule = {"action": "drip", "delay_seconds": 0.005, "times": 1}
    await api.put("/sandbox/failures/sendgrid", json=[rule])
    started = asyncio.get_running_loop().time()
    answer = await send()
    assert asyncio.get_running_loop().time() - started >= 0.3
    assert (answer.status_code, bool(answer.headers["x-message-id"])) == (202, True)
    assert (await send()).status_code == 202


async def test_delays_and_then_accepts(api: httpx.AsyncClient, send: Send) -> None:
    rule = {"action": "delay", "delay_seconds": 0.3, "times": 1}
    await api.put("/sandbox/failures/sendgrid", json=[rule])
    started = asyncio.get_running_loop().time()
    assert (await send()).status_code == 202
    assert asyncio.get_running_loop().time() - started >= 0.3

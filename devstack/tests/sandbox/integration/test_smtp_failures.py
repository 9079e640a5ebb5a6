"""Every way in which the SMTP server can be told to fail."""

import asyncio
from typing import Any, Protocol

import aiosmtplib
import httpx
import pytest

from devstack.sandbox.sandbox_process import SandboxProcess

STAGES = ("connect", "ehlo", "mail", "rcpt", "start_data", "data")


class SendMail(Protocol):
    async def __call__(
        self, to: str = ..., subject: str = ..., patience: float = ..., port: int = ...
    ) -> None: ...


class Log(Protocol):
    start: int

    async def entries(self) -> list[dict[str, Any]]: ...


@pytest.mark.parametrize(
    ("rule", "stage"),
    [
        ({"status": 451, "text": "4.7.1 Greylisted"}, "data"),
        ({"status": 550, "text": "5.1.1 No such user", "stage": "rcpt"}, "rcpt"),
        ({"status": 421, "text": "4.3.2 Closing", "stage": "mail"}, "mail"),
        ({"status": 421, "text": "4.3.2 Too many", "stage": "connect"}, "connect"),
        ({"status": 421, "text": "4.3.2 Not now", "stage": "ehlo"}, "ehlo"),
        ({"status": 451, "text": "4.3.0 No disk", "stage": "start_data"}, "start_data"),
    ],
)
async def test_refuses_with_the_reply_it_was_told(
    api: httpx.AsyncClient, send_mail: SendMail, log: Log, rule: dict[str, Any], stage: str
) -> None:
    await api.put("/sandbox/failures/smtp", json=[{**rule, "times": 1}])
    with pytest.raises(aiosmtplib.SMTPException) as caught:
        await send_mail()
    assert str(rule["text"]) in str(caught.value)
    assert (await api.get("/api/v1/messages")).json()["total"] == 0
    if stage in ("rcpt", "start_data", "data"):
        (entry,) = await log.entries()
        assert (entry["accepted"], entry["code"]) == (False, rule["status"])
    await send_mail()  # the rule is spent
    assert (await api.get("/api/v1/messages")).json()["total"] == 1


async def test_refuses_only_the_recipients_of_the_rule(
    api: httpx.AsyncClient, send_mail: SendMail
) -> None:
    await api.put("/sandbox/failures/smtp", json=[{"recipient": "*@bad.test", "stage": "rcpt"}])
    await send_mail("ada@good.test")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await send_mail("ada@bad.test")


async def test_drops_the_connection_after_accepting(
    api: httpx.AsyncClient, send_mail: SendMail, log: Log
) -> None:
    await api.put("/sandbox/failures/smtp", json=[{"action": "drop_after_accept", "times": 1}])
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send_mail()
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["code"]) == (True, 0)
    assert (await api.get("/api/v1/messages")).json()["total"] == 1


async def test_drops_the_connection_before_accepting(
    api: httpx.AsyncClient, send_mail: SendMail, log: Log
) -> None:
    await api.put("/sandbox/failures/smtp", json=[{"action": "drop_before_accept", "times": 1}])
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send_mail()
    assert [e["accepted"] for e in await log.entries()] == [False]
    assert (await api.get("/api/v1/messages")).json()["total"] == 0


async def test_delays_and_then_accepts(api: httpx.AsyncClient, send_mail: SendMail) -> None:
    rule = {"action": "delay", "delay_seconds": 0.4, "times": 1}
    await api.put("/sandbox/failures/smtp", json=[rule])
    started = asyncio.get_running_loop().time()
    await send_mail()
    assert asyncio.get_running_loop().time() - started >= 0.4


async def test_never_answers_after_accepting(
    api: httpx.AsyncClient, send_mail: SendMail, log: Log
) -> None:
    await api.put("/sandbox/failures/smtp", json=[{"action": "hang_after_accept", "times": 1}])
    with pytest.raises(aiosmtplib.SMTPTimeoutError):
        await send_mail(patience=0.5)
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["code"]) == (True, 0)
    assert (await api.get("/api/v1/messages")).json()["total"] == 1


@pytest.mark.parametrize("stage", STAGES)
async def test_hangs_at_each_stage_until_the_client_gives_up(
    api: httpx.AsyncClient, send_mail: SendMail, stage: str
) -> None:
    rule = {"action": "hang", "stage": stage, "times": 1}
    await api.put("/sandbox/failures/smtp", json=[rule])
    with pytest.raises(aiosmtplib.SMTPTimeoutError):
        await send_mail(patience=0.3)
    assert (await api.get("/api/v1/messages")).json()["total"] == 0
    await send_mail()


@pytest.mark.parametrize("stage", STAGES)
async def test_closes_at_each_stage_without_an_answer(
    api: httpx.AsyncClient, send_mail: SendMail, stage: str
) -> None:
    rule = {"action": "drop_before_accept", "stage": stage, "times": 1}
    await api.put("/sandbox/failures/smtp", json=[rule])
    with pytest.raises((aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPConnectError)):
        await send_mail()
    assert (await api.get("/api/v1/messages")).json()["total"] == 0
    await send_mail()


@pytest.mark.parametrize("stage", STAGES)
async def test_drips_its_reply_at_each_stage(
    api: httpx.AsyncClient, send_mail: SendMail, stage: str
) -> None:
    rule = {"action": "drip", "stage": stage, "delay_seconds": 0.03, "times": 1}
    await api.put("/sandbox/failures/smtp", json=[rule])
    started = asyncio.get_running_loop().time()
    await send_mail()
    took = asyncio.get_running_loop().time() - started
    assert 8 * 0.03 <= took < 5  # "250 OK" and its line end are the shortest reply
    assert (await api.get("/api/v1/messages")).json()["total"] == 1


async def test_the_second_server_fails_on_its_own(
    sandbox: SandboxProcess, api: httpx.AsyncClient, send_mail: SendMail, log: Log
) -> None:
    await api.put("/sandbox/failures/smtp", json=[{"status": 421, "stage": "connect"}])
    with pytest.raises(aiosmtplib.SMTPConnectError):
        await send_mail()
    await send_mail(port=sandbox.smtp_b_port)
    await api.delete("/sandbox/failures/smtp")
    await api.put("/sandbox/failures/smtp-b", json=[{"status": 550, "stage": "rcpt"}])
    await send_mail()
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await send_mail(port=sandbox.smtp_b_port)
    seen = [(entry["provider"], entry["code"]) for entry in await log.entries()]
    assert seen == [("smtp-b", 250), ("smtp", 250), ("smtp-b", 550)]


async def test_names_the_wrong_field_of_a_rule(api: httpx.AsyncClient) -> None:
    answer = await api.put("/sandbox/failures/smtp", json=[{}, {"status": 200}])
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "1.status"
    answer = await api.put("/sandbox/failures/smtp", json=[{"retry_after": 2}])
    assert answer.json()["details"][0]["field"] == "0.retry_after"
    assert (await api.get("/sandbox/failures/smtp")).json() == []
    assert (await api.get("/sandbox/failures/fax")).status_code == 404

"""Mail by SMTP, read back by Mailpit's API."""

from email.message import EmailMessage
from typing import Any, Protocol

import aiosmtplib
import httpx
import pytest

from devstack.sandbox.sandbox_process import SandboxProcess


class SendMail(Protocol):
    async def __call__(self, to: str = ..., subject: str = ..., patience: float = ...) -> None: ...


class Log(Protocol):
    start: int

    async def entries(self) -> list[dict[str, Any]]: ...


async def test_shows_a_mail_as_mailpit_does(api: httpx.AsyncClient, send_mail: SendMail) -> None:
    await send_mail()
    listed = (await api.get("/api/v1/messages")).json()
    (summary,) = listed["messages"]
    assert (listed["total"], listed["messages_count"], listed["unread"]) == (1, 1, 1)
    assert summary["From"] == {"Name": "Acme", "Address": "no-reply@acme.test"}
    assert summary["To"] == [{"Name": "", "Address": "ada@example.org"}]
    assert (summary["MessageID"], summary["Read"]) == ("welcome@acme.test", False)
    assert summary["Snippet"] == "Hello Ada, the code is 4711."

    opened = (await api.get(f"/api/v1/message/{summary['ID']}")).json()
    assert opened["Text"].strip() == "Hello Ada, the code is 4711."
    assert "<b>Ada</b>" in opened["HTML"]
    headers = (await api.get(f"/api/v1/message/{summary['ID']}/headers")).json()
    assert headers["X-Notification-Id"] == ["notif_1"]
    raw = await api.get(f"/api/v1/message/{summary['ID']}/raw")
    assert b"X-Delivery-ID: dlv_ada@example.org\r\n" in raw.content
    assert (await api.get("/api/v1/messages")).json()["unread"] == 0


async def test_logs_a_mail_before_it_is_acknowledged(send_mail: SendMail, log: Log) -> None:
    await send_mail()
    (entry,) = await log.entries()
    assert (entry["accepted"], entry["code"], entry["recipient"]) == (True, 250, "ada@example.org")
    assert (entry["delivery_id"], entry["notification_id"]) == ("dlv_ada@example.org", "notif_1")
    assert (entry["subject"], entry["message_id"]) == ("Welcome", "welcome@acme.test")
    assert entry["n"] == log.start + 1


async def test_searches_by_recipient_subject_and_body(
    api: httpx.AsyncClient, send_mail: SendMail
) -> None:
    await send_mail("ada@example.org", "Welcome")
    await send_mail("bob@example.org", "Goodbye")

    async def found(query: str) -> list[str]:
        answer = await api.get("/api/v1/search", params={"query": query})
        return [m["Subject"] for m in answer.json()["messages"]]

    assert await found("to:bob@example.org") == ["Goodbye"]
    assert await found("from:acme.test") == ["Goodbye", "Welcome"]
    assert await found("4711 -subject:goodbye") == ["Welcome"]
    assert await found("4712") == []
    assert (await api.get("/api/v1/search")).status_code == 400


async def test_takes_international_addresses_and_eight_bit_bodies(
    sandbox: SandboxProcess, api: httpx.AsyncClient
) -> None:
    client = aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False)
    async with client:
        await client.sendmail(
            "no-reply@acme.test",
            ["jürgen@example.org"],
            "To: jürgen@example.org\r\nSubject: Grüße\r\n\r\n.Größe\r\n".encode(),
            mail_options=["SMTPUTF8", "BODY=8BITMIME"],
        )
    opened = (await api.get("/api/v1/message/latest")).json()
    assert opened["To"] == [{"Name": "", "Address": "jürgen@example.org"}]
    assert (opened["Subject"], opened["Text"].strip()) == ("Grüße", ".Größe")


async def test_refuses_a_mail_beyond_25_mib(sandbox: SandboxProcess) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "a@x.test", "b@x.test"
    message.set_content("x" * 70 + "\n")
    raw = message.as_bytes() + (b"y" * 70 + b"\r\n") * (26 * 1024 * 1024 // 72)
    client = aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False)
    async with client:
        with pytest.raises(aiosmtplib.SMTPResponseException) as caught:
            await client.sendmail("a@x.test", ["b@x.test"], raw)
    assert caught.value.code == 552


async def test_shows_html_where_no_script_can_run(
    api: httpx.AsyncClient, send_mail: SendMail
) -> None:
    await send_mail()
    page, view = await api.get("/"), await api.get("/view/latest.html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'no")
    assert view.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "<b>Ada</b>" in view.text


async def test_deletes_some_mails_or_all(api: httpx.AsyncClient, send_mail: SendMail) -> None:
    for subject in ("One", "Two", "Three"):
        await send_mail(subject=subject)
    first = (await api.get("/api/v1/messages")).json()["messages"][0]["ID"]
    await api.request("DELETE", "/api/v1/messages", json={"IDs": [first]})
    left = (await api.get("/api/v1/messages")).json()["messages"]
    assert [m["Subject"] for m in left] == ["Two", "One"]
    await api.delete("/api/v1/messages")
    assert (await api.get("/api/v1/messages")).json()["total"] == 0
    assert (await api.get(f"/api/v1/message/{first}")).status_code == 404

"""Start, stop, kill and restart of the process."""

import asyncio
import signal
import socket
import time
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import pytest

from devstack.sandbox.sandbox_process import SandboxProcess, SandboxStartError


async def test_keeps_what_it_accepted_when_it_is_killed(tmp_path: Path) -> None:
    first = await SandboxProcess.start(tmp_path)
    for number in range(20):
        await aiosmtplib.send(
            f"To: a{number}@x.test\r\nX-Delivery-ID: d{number}\r\nSubject: {number}\r\n\r\nHi\r\n",
            sender="s@x.test",
            recipients=[f"a{number}@x.test"],
            hostname=first.smtp_host,
            port=first.smtp_port,
            start_tls=False,
        )
    account = (tmp_path / "service-account.json").read_text()
    await first.stop(signal.SIGKILL)
    with (tmp_path / "handed_over.jsonl").open("ab") as log:
        log.write(b'{"cut off')
    second = await SandboxProcess.start(tmp_path, https_port=first.https.rpartition(":")[2])
    async with httpx.AsyncClient(base_url=second.http, trust_env=False) as api:
        listed = (await api.get("/api/v1/messages")).json()
        entries: list[dict[str, Any]] = (await api.get("/sandbox/log")).json()["entries"]
        newest = (await api.get("/api/v1/message/latest")).json()
    assert await second.stop() == 0
    assert (listed["total"], newest["Subject"], newest["Text"].strip()) == (20, "19", "Hi")
    assert [entry["delivery_id"] for entry in entries] == [f"d{n}" for n in range(20)]
    assert (tmp_path / "service-account.json").read_text() == account


async def test_still_knows_after_a_kill_whose_mail_an_event_is_about(tmp_path: Path) -> None:
    mail = {
        "personalizations": [{"to": [{"email": "ada@example.org"}]}],
        "from": {"email": "a@acme.test"},
        "subject": "Hi",
        "content": [{"type": "text/plain", "value": "Hi"}],
        "custom_args": {"delivery_id": "d1"},
    }
    events = {"url": "http://127.0.0.1:1/", "events": [{"event": "open", "delivery_id": "d1"}]}
    first = await SandboxProcess.start(tmp_path)
    async with httpx.AsyncClient(base_url=first.http, trust_env=False) as api:
        sent = await api.post(
            "/v3/mail/send", json=mail, headers={"Authorization": "Bearer SG.sandbox"}
        )
        key = (await api.get("/sandbox/sendgrid/public-key")).json()
    await first.stop(signal.SIGKILL)
    second = await SandboxProcess.start(tmp_path)
    async with httpx.AsyncClient(base_url=second.http, trust_env=False) as api:
        (event,) = (await api.post("/sandbox/sendgrid/events", json=events)).json()["events"]
        same_key = (await api.get("/sandbox/sendgrid/public-key")).json()
    assert await second.stop() == 0
    assert event["sg_message_id"].startswith(sent.headers["x-message-id"])
    assert (event["email"], same_key) == ("ada@example.org", key)


async def test_stops_within_two_seconds_with_clients_connected(tmp_path: Path) -> None:
    sandbox = await SandboxProcess.start(tmp_path)
    smtp = aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False)
    await smtp.connect()
    async with httpx.AsyncClient(base_url=sandbox.http, trust_env=False) as api:
        assert (await api.get("/health/live")).json()["status"] == "ok"
        rule = {"action": "delay", "delay_seconds": 60}
        await api.put("/sandbox/failures/oauth", json=[rule])
        waiting = asyncio.create_task(api.post("/token", data={"grant_type": "x"}))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        code = await sandbox.stop()
        took = time.monotonic() - started
        with pytest.raises(httpx.TransportError):
            await waiting
    smtp.close()
    assert (code, took < 2) == (0, True)


async def test_says_which_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SandboxStartError, match=f"127.0.0.1:{port}.*SANDBOX_SMTP_PORT"):
            await SandboxProcess.start(tmp_path, smtp_port=port)


async def test_says_which_second_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SandboxStartError, match=f"127.0.0.1:{port}.*SANDBOX_SMTP_B_PORT"):
            await SandboxProcess.start(tmp_path, smtp_b_port=port)


async def test_says_that_the_folder_is_in_use(tmp_path: Path) -> None:
    first = await SandboxProcess.start(tmp_path)
    with pytest.raises(SandboxStartError, match="Another sandbox works in"):
        await SandboxProcess.start(tmp_path)
    assert await first.stop() == 0


async def test_says_which_setting_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(SandboxStartError, match="smtp_port is not valid"):
        await SandboxProcess.start(tmp_path, smtp_port="none")


async def test_says_that_the_public_key_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SandboxStartError, match=r"nowhere\.pem cannot be read"):
        await SandboxProcess.start(tmp_path, public_key_file=str(tmp_path / "nowhere.pem"))

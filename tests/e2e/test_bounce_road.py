"""A bounce of a mail server that nobody here wrote comes back, and ends at the user it was for."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import private_postfix as private
import pytest
import trustme
from private_postfix import PrivatePostfix, private_postfix

from devstack.service_process import ServiceProcess
from devstack.stack import Stack
from devstack.system_client import SystemClient

pytestmark = pytest.mark.skipif(
    private.reason_to_skip() is not None, reason=str(private.reason_to_skip())
)

SECONDS = 30
BOUNCES = "/api/v1/providers/smtp/bounces"


@pytest.fixture
async def postfix(stack: Stack, tmp_path: Path) -> AsyncIterator[PrivatePostfix]:
    """Debian's Postfix, and the system sending by it, with STARTTLS and AUTH."""
    authority, token = trustme.CA(), secrets.token_hex(16)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    bounce_url = stack.addresses.url("email-service") + BOUNCES
    async with private_postfix(
        authority, bounce_url=bounce_url, bounce_token=f"mta:{token}"
    ) as running:
        worker = stack.services["email-service"]
        await run_with(
            stack,
            worker,
            {
                "SMTP_HOST": private.HOST,
                "SMTP_PORT": str(running.port),
                "SMTP_TLS": "starttls",
                "SMTP_CA_FILE": str(ca_file),
                "SMTP_USERNAME": private.USER,
                "SMTP_PASSWORD": private.PASSWORD,
                "MAIL_ENVELOPE_SENDER": f"b@{private.BOUNCE_DOMAIN}",
                "SERVICE_TOKENS": f"mta:{token}",
            },
        )
        try:
            yield running
        finally:
            await run_with(stack, worker, {})


async def run_with(stack: Stack, worker: ServiceProcess, settings: dict[str, str]) -> None:
    """Restart a process with other settings; with none, as it was planned."""
    await worker.stop()
    worker.change(settings)
    await worker.start()
    worker.watch()
    await stack.ready([worker.name])


async def test_a_bounce_is_told_in_the_history_and_suppresses_the_address(
    system: SystemClient, postfix: PrivatePostfix, welcome: dict[str, Any]
) -> None:
    address = f"nobody.{secrets.token_hex(6)}@{private.DOMAIN}"
    user = await system.create_user(name="Nobody", email=address, preferences={"email": True})
    request = {**welcome, "user_id": user["user_id"]}
    notification_id = await system.send(request)

    bounced = await status_of(system, notification_id, "bounced")
    kinds = [event["event"] for event in bounced["timeline"]]
    assert kinds == ["accepted", "sent", "bounced"]
    assert bounced["timeline"][-1]["reason"] == "invalid_recipient"
    assert bounced["timeline"][-1]["reply_code"] == "5.1.1"

    await suppressed(system, address)
    again = await system.post_notification({**request, "request_id": secrets.token_hex(8)})
    assert (again.status_code, again.json()["success"]) == (202, False)
    assert again.json()["error"] == "address_suppressed"


async def status_of(system: SystemClient, notification_id: str, status: str) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS):
        while True:
            notification = await system.notification(notification_id)
            if notification["status"] == status:
                return notification
            await asyncio.sleep(0.1)


async def suppressed(system: SystemClient, address: str) -> None:
    url = f"{system.urls.user_service}/api/v1/suppressions?email={address}"
    async with asyncio.timeout(SECONDS):
        while True:
            answer = await system.request("GET", url)
            if rows := answer.json()["data"]:
                assert [row["reason"] for row in rows] == ["hard_bounce"]
                return
            await asyncio.sleep(0.1)

"""A real sandbox process for the module, and clients that talk to it as the services do."""

import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import pytest
from jose import jwt

from devstack.sandbox.sandbox_process import SandboxProcess

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SandboxProcess]:
    process = await SandboxProcess.start(tmp_path_factory.mktemp("sandbox"))
    yield process
    assert await process.stop() == 0


@pytest.fixture
async def api(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP, with nothing left over from the test before."""
    async with httpx.AsyncClient(base_url=sandbox.http, trust_env=False) as client:
        for target in ("smtp", "smtp-b", "sendgrid", "fcm", "oauth"):
            await client.delete(f"/sandbox/failures/{target}")
        for path in ("/api/v1/messages", "/api/v1/pushes", "/sandbox/dead-tokens"):
            await client.delete(path)
        yield client


@pytest.fixture
async def google(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP/2 over TLS, trusting only the sandbox's own authority."""
    trust = ssl.create_default_context(cafile=sandbox.ca)
    base = sandbox.https.replace("127.0.0.1", "localhost")
    async with httpx.AsyncClient(
        base_url=base, http2=True, verify=trust, trust_env=False
    ) as client:
        yield client


@pytest.fixture(scope="module")
def account(sandbox: SandboxProcess) -> dict[str, Any]:
    path: Path = sandbox.data / "service-account.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


@pytest.fixture(scope="module")
def token_request(account: dict[str, Any]) -> dict[str, str]:
    """The form of a token request, as google-auth makes it."""
    now = int(time.time())
    claims = {"iss": account["client_email"], "scope": SCOPE, "aud": account["token_uri"]}
    assertion = jwt.encode(
        {**claims, "iat": now, "exp": now + 3600},
        account["private_key"],
        algorithm="RS256",
        headers={"kid": account["private_key_id"]},
    )
    return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}


@pytest.fixture
async def bearer(google: httpx.AsyncClient, token_request: dict[str, str]) -> dict[str, str]:
    answer = await google.post("/token", data=token_request)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def send_mail(sandbox: SandboxProcess) -> Callable[..., Awaitable[None]]:
    """Sends one mail with a text and an HTML part over a connection of its own."""

    async def send(
        to: str = "ada@example.org",
        subject: str = "Welcome",
        patience: float = 5,
        port: int = sandbox.smtp_port,
    ) -> None:
        message = EmailMessage()
        message["From"] = "Acme <no-reply@acme.test>"
        message["To"] = to
        message["Subject"] = subject
        message["Message-ID"] = f"<{subject.lower()}@acme.test>"
        message["X-Delivery-ID"] = f"dlv_{to}"
        message["X-Notification-ID"] = "notif_1"
        message.set_content("Hello Ada, the code is 4711.")
        message.add_alternative("<p>Hello <b>Ada</b></p><script>1</script>", subtype="html")
        await aiosmtplib.send(
            message,
            hostname=sandbox.smtp_host,
            port=port,
            start_tls=False,
            timeout=patience,
        )

    return send


@pytest.fixture
def push(bearer: dict[str, str]) -> Callable[..., Awaitable[httpx.Response]]:
    """Sends one push by the client given; keywords replace fields of the message."""

    async def send(client: httpx.AsyncClient, **message: Any) -> httpx.Response:
        url = "/v1/projects/notification-sandbox/messages:send"
        body = {
            "token": "device-1",
            "notification": {"title": "Shipped", "body": "It arrives tomorrow."},
            "data": {"delivery_id": "dlv_1", "notification_id": "notif_1"},
            **message,
        }
        return await client.post(url, headers=bearer, json={"message": body}, timeout=2)

    return send


class Log:
    """The sandbox's log from the beginning of a test on."""

    def __init__(self, api: httpx.AsyncClient, start: int) -> None:
        self._api = api
        self.start = start

    async def entries(self) -> list[dict[str, Any]]:
        answer = await self._api.get("/sandbox/log", params={"since": self.start})
        found: list[dict[str, Any]] = answer.json()["entries"]
        return found


@pytest.fixture
async def log(api: httpx.AsyncClient) -> Log:
    return Log(api, (await api.get("/sandbox/log")).json()["last"])

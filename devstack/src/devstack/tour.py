"""The tour of `make run`: signs in, prepares a key, templates and a user, and sends to them.

It uses the public HTTP interfaces only, as any client does, so that what it prints can be repeated
by hand.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts.access import Scope
from devstack.addresses import ADMIN_EMAIL
from devstack.errors import DevstackError
from devstack.passwords import write_private
from devstack.stack import Stack
from servicekit.http_client import AsyncClient, HttpResponse

DEMO_TEMPLATES: Final = Path("template-service/demo")
DEMO_TEMPLATE: Final = "welcome_email"
_DELIVERY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class TourResult:
    """What the tour made; `seconds` by channel, from POST to `delivered`."""

    api_key: str
    user_id: str
    user_email: str
    notifications: dict[str, str]
    seconds: dict[str, float]


class Tour:
    """Walks once through a running stack.

    Args:
        stack: Ready.
        checkout: Where the demo templates are.
    """

    def __init__(self, stack: Stack, checkout: Path) -> None:
        self._stack = stack
        self._checkout = checkout
        self._kept = stack.home / "tour.json"

    async def walk(self) -> TourResult:
        """Do all of it.

        Raises:
            DevstackError: A step was refused, or nothing was delivered in time.
        """
        async with self._stack.client() as client:
            kept = await self._prepare(client)
            notifications, seconds = {}, {}
            for channel in ("email", "push"):
                started = time.monotonic()
                notifications[channel] = await self._send(client, kept, channel)
                seconds[channel] = time.monotonic() - started
        return TourResult(
            kept["api_key"], kept["user_id"], kept["user_email"], notifications, seconds
        )

    async def _prepare(self, client: AsyncClient) -> dict[str, str]:
        kept: dict[str, str] = json.loads(self._kept.read_text()) if self._kept.exists() else {}
        if "api_key" not in kept:
            kept["api_key"] = await self._create_api_key(client)
            self._keep(kept)
        for file in sorted((self._checkout / DEMO_TEMPLATES).glob("*.json")):
            answer = await client.post(
                self._url("template-service", "/templates"),
                json=json.loads(file.read_text()),
                headers=_key(kept),
            )
            _expect(answer, 201, 409, doing=f"creating the demo template {file.stem}")
        if "user_id" not in kept:
            kept |= await self._create_user(client, kept)
            self._keep(kept)
        return kept

    async def _create_api_key(self, client: AsyncClient) -> str:
        answer = await client.post(
            self._url("user-service", "/auth/login"),
            json={"email": ADMIN_EMAIL, "password": self._stack.secrets.admin_password},
        )
        _expect(answer, 200, doing="signing in as the administrator")
        token = answer.json()["data"]["token"]
        answer = await client.post(
            self._url("user-service", "/api-keys"),
            json={"name": "demo", "scopes": [scope.value for scope in Scope]},
            headers={"Authorization": f"Bearer {token}"},
        )
        _expect(answer, 201, doing="creating an API key")
        key: str = answer.json()["data"]["key"]
        return key

    async def _create_user(self, client: AsyncClient, kept: dict[str, str]) -> dict[str, str]:
        email = f"ada.{int(time.time())}@example.com"
        answer = await client.post(
            self._url("user-service", "/users"),
            json={
                "name": "Ada Lovelace",
                "email": email,
                "push_token": "demo-device-token",
                "preferences": {"email": True, "push": True},
            },
            headers=_key(kept),
        )
        _expect(answer, 201, doing="creating the demo user")
        return {"user_id": answer.json()["data"]["user_id"], "user_email": email}

    async def _send(self, client: AsyncClient, kept: dict[str, str], channel: str) -> str:
        answer = await client.post(
            self._url("api-gateway", "/notifications"),
            json={
                "notification_type": channel,
                "user_id": kept["user_id"],
                "template_code": DEMO_TEMPLATE,
                "variables": {"name": "Ada", "link": "https://example.com/start"},
                "request_id": f"tour-{channel}-{time.time_ns()}",
            },
            headers=_key(kept),
        )
        _expect(answer, 202, doing=f"sending the {channel}")
        notification_id: str = answer.json()["data"]["notification_id"]
        await self._await_delivered(client, kept, notification_id)
        return notification_id

    async def _await_delivered(
        self, client: AsyncClient, kept: dict[str, str], notification_id: str
    ) -> None:
        path = self._url("api-gateway", f"/notifications/{notification_id}")
        deadline = time.monotonic() + _DELIVERY_SECONDS
        notification: dict[str, Any] = {}
        while time.monotonic() < deadline:
            answer = await client.get(path, headers=_key(kept))
            _expect(answer, 200, doing="reading the notification")
            notification = answer.json()["data"]
            if notification["status"] == "delivered":
                return
            if notification["status"] not in {"pending", "scheduled"}:
                break
            await asyncio.sleep(_POLL_SECONDS)
        raise DevstackError(
            f"The notification {notification_id} is {notification.get('status')}, not delivered: "
            f"{notification.get('reason')}. The services' logs are in {self._stack.home / 'logs'}."
        )

    def _url(self, service: str, path: str) -> str:
        return f"{self._stack.addresses.url(service)}/api/v1{path}"

    def _keep(self, kept: dict[str, str]) -> None:
        write_private(self._kept, json.dumps(kept, indent=2) + "\n")


def _key(kept: dict[str, str]) -> dict[str, str]:
    return {"X-API-Key": kept["api_key"]}


def _expect(answer: HttpResponse, *statuses: int, doing: str) -> None:
    if answer.status_code not in statuses:
        raise DevstackError(
            f"{doing.capitalize()} was answered {answer.status_code}: {answer.text}"
        )

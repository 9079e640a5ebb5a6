"""The tour of `make run`: signs in, prepares a key, templates and a user, and sends to them.

It uses the public HTTP interfaces only, as any client does, so that what it prints can be repeated
by hand.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devstack.addresses import ADMIN_EMAIL
from devstack.errors import DevstackError
from devstack.passwords import write_private
from devstack.stack import Stack
from devstack.system_client import SystemClient

DEMO_TEMPLATES: Final = Path("template-service/demo")
DEMO_TEMPLATE: Final = "welcome_email"
_DELIVERY_SECONDS: Final = 60.0


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
        async with self._stack.client() as http:
            client = SystemClient(http, self._stack.addresses.system_urls)
            kept = await self._prepare(client)
            notifications, seconds = {}, {}
            for channel in ("email", "push"):
                started = time.monotonic()
                notifications[channel] = await self._send(client, kept["user_id"], channel)
                seconds[channel] = time.monotonic() - started
        return TourResult(
            kept["api_key"], kept["user_id"], kept["user_email"], notifications, seconds
        )

    async def _prepare(self, client: SystemClient) -> dict[str, str]:
        kept: dict[str, str] = json.loads(self._kept.read_text()) if self._kept.exists() else {}
        if "api_key" not in kept:
            kept["api_key"] = await client.create_api_key(
                ADMIN_EMAIL, self._stack.secrets.admin_password, "demo"
            )
            self._keep(kept)
        client.api_key = kept["api_key"]
        await create_demo_templates(client, self._checkout)
        if "user_id" not in kept:
            email = f"ada.{int(time.time())}@example.com"
            user = await client.create_user(
                name="Ada Lovelace",
                email=email,
                push_token="demo-device-token",
                preferences={"email": True, "push": True},
            )
            kept |= {"user_id": user["user_id"], "user_email": email}
            self._keep(kept)
        return kept

    async def _send(self, client: SystemClient, user_id: str, channel: str) -> str:
        notification_id = await client.send(
            {
                "notification_type": channel,
                "user_id": user_id,
                "template_code": DEMO_TEMPLATE,
                "variables": {"name": "Ada", "link": "https://example.com/start"},
                "request_id": f"tour-{channel}-{time.time_ns()}",
            }
        )
        notification = await client.finished(notification_id, _DELIVERY_SECONDS)
        if notification["status"] != "delivered":
            raise DevstackError(
                f"The {channel} {notification_id} is {notification['status']}, not delivered: "
                f"{notification['reason']}. The logs are in {self._stack.home / 'logs'}."
            )
        return notification_id

    def _keep(self, kept: dict[str, str]) -> None:
        write_private(self._kept, json.dumps(kept, indent=2) + "\n")


async def create_demo_templates(client: SystemClient, checkout: Path) -> None:
    """Make the demo templates; those that exist are left as they are."""
    for file in sorted((checkout / DEMO_TEMPLATES).glob("*.json")):
        await client.create_template(json.loads(file.read_text()), may_exist=True)

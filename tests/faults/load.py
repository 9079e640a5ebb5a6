"""Clients that ask for notifications at a bounded, seeded pace and remember what they were told."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.checker import Request

from devstack.system_client import SystemClient
from servicekit.http_client import TransportError

TEMPLATE = "fault_probe"
PER_RECIPIENT = 20
"""Notifications to one address in one load: well below the hourly limit of a recipient."""
_CLIENTS = 24


@dataclass(frozen=True)
class LoadPlan:
    """How much is asked for, and how fast.

    Attributes:
        count: Notifications.
        per_second: On average; the gaps between them are random.
        one_each: Every notification has a recipient of its own.
        priority: As in a request; None: as the gateway decides.
        scheduled_seconds: Each is to be sent so long after it was asked for; None: at once.
    """

    count: int
    per_second: float
    one_each: bool = False
    priority: int | None = None
    scheduled_seconds: float | None = None


@dataclass
class Load:
    """One load and its answers.

    Attributes:
        recipients: Address by request id, of every request that was begun.
        accepted: Notification id by request id, of every 202.
        finished: Set when everything has been asked for.
    """

    system: SystemClient
    name: str
    rng: random.Random
    recipients: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, plan: LoadPlan, users: Sequence[Mapping[str, str]]) -> None:
        """Ask for everything; whatever is not answered 202 stays out of `accepted`."""
        clients = asyncio.Semaphore(_CLIENTS)
        async with asyncio.TaskGroup() as group:
            for number in range(plan.count):
                await asyncio.sleep(self.rng.expovariate(plan.per_second))
                await clients.acquire()
                task = group.create_task(self.ask(plan, number, users[number % len(users)]))
                task.add_done_callback(lambda _: clients.release())
        self.finished.set()

    async def ask(self, plan: LoadPlan, number: int, user: Mapping[str, str]) -> None:
        """One request; `number` makes its id."""
        request_id = f"{self.name}-{number}"
        self.recipients[request_id] = user["email"]
        body: dict[str, Any] = {
            "notification_type": "email",
            "user_id": user["user_id"],
            "template_code": TEMPLATE,
            "variables": {"request": request_id},
            "request_id": request_id,
        }
        if plan.priority is not None:
            body["priority"] = plan.priority
        if plan.scheduled_seconds is not None:
            due = datetime.now(UTC) + timedelta(seconds=plan.scheduled_seconds)
            body["scheduled_at"] = due.isoformat()
        try:
            answer = await self.system.post_notification(body)
        except TransportError:
            return
        if answer.status_code == 202:  # what was suppressed, too: here nobody has opted out
            self.accepted[request_id] = answer.json()["data"]["notification_id"]

    def requests(self, states: Mapping[str, Mapping[str, str]]) -> dict[str, Request]:
        """Every request with what the system says of its notification, by notification id."""
        return {
            name: Request(
                address,
                states[self.accepted[name]]["status"],
                states[self.accepted[name]]["reason"],
            )
            if name in self.accepted
            else Request(address)
            for name, address in self.recipients.items()
        }


def users_needed(plan: LoadPlan) -> int:
    """How many recipients a load is spread over."""
    return plan.count if plan.one_each else max(1, -(-plan.count // PER_RECIPIENT))


async def create_users(
    system: SystemClient, name: str, count: int, domain: str = "example.com"
) -> list[dict[str, str]]:
    """Make users whom nobody else writes to."""
    limit = asyncio.Semaphore(8)

    async def create(number: int) -> dict[str, str]:
        async with limit:
            user = await system.create_user(
                name=f"Recipient {number}",
                email=f"{name}.{number}@{domain}",
                preferences={"email": True},
            )
        return {"user_id": user["user_id"], "email": user["email"]}

    return list(await asyncio.gather(*(create(number) for number in range(count))))


async def create_template(system: SystemClient) -> None:
    """The template of all loads: its subject names the request, so the provider's log does."""
    await system.create_template(
        {
            "code": TEMPLATE,
            "subject": "{{ request }}",
            "body": "<p>This is the notification for the request {{ request }}.</p>",
        },
        may_exist=True,
    )

"""One caller's flood, and how long another caller's mails take meanwhile."""

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles

import pytest
from tests.faults.bench import CONCURRENCY, Bench
from tests.faults.load import TEMPLATE, create_users

from devstack.addresses import ADMIN_EMAIL
from devstack.system_client import SystemClient
from servicekit.http_client import create_http_client

SEND_SECONDS = 0.4
"""On average; each takes 0.25 to 0.55 s, or all places would become free at the same moments."""
USUAL_SHARE = 0.2
"""Of what the workers can send, each caller usually asks for so much."""
FLOOD = 7
MOST_TIMES_ALONE = 2.0
DOMAINS = 20


@dataclass
class Sender:
    """A caller with an API key of its own, and recipients on many hosts."""

    system: SystemClient
    name: str
    users: list[dict[str, str]]
    sent_at: dict[str, float]

    async def send(self, per_second: float, seconds: float, rng: random.Random) -> None:
        """Ask at this pace; the time of each request is kept by its id."""
        ends = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < ends:
                group.create_task(self._ask())
                await asyncio.sleep(rng.expovariate(per_second))

    async def _ask(self) -> None:
        number = len(self.sent_at)
        request_id = f"{self.name}-{number}"
        self.sent_at[request_id] = time.time()
        answer = await self.system.post_notification(
            {
                "notification_type": "email",
                "user_id": self.users[number % len(self.users)]["user_id"],
                "template_code": TEMPLATE,
                "variables": {"request": request_id},
                "request_id": request_id,
            }
        )
        assert answer.status_code == 202, answer.text


async def make_sender(bench: Bench, name: str, clients: SystemClient, users: int) -> Sender:
    system = SystemClient(clients.http, bench.stack.addresses.system_urls)
    await system.create_api_key(ADMIN_EMAIL, bench.stack.secrets.admin_password, name)
    unique = f"{name}-{bench.new_name()}"
    people = [
        user
        for number in range(DOMAINS)
        for user in await create_users(
            bench.system, f"{unique}.{number}", users // DOMAINS, f"host{number}.example.com"
        )
    ]
    return Sender(system, unique, people, {})


async def seconds_to_provider(bench: Bench, position: int, sender: Sender) -> list[float]:
    """From each request of this sender to the provider's yes; all of them have to be there."""
    deadline = time.monotonic() + 120
    while True:
        arrived = {
            entry["title"]: datetime.fromisoformat(entry["at"]).timestamp()
            for entry in await bench.log.entries_since(position)
            if entry["title"] in sender.sent_at and entry["accepted"]
        }
        if arrived.keys() == sender.sent_at.keys():
            return [arrived[key] - at for key, at in sender.sent_at.items()]
        assert time.monotonic() < deadline, f"{len(sender.sent_at) - len(arrived)} did not arrive"
        await asyncio.sleep(0.5)


def p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1]


@pytest.mark.slow
async def test_one_callers_flood_does_not_delay_another(bench: Bench) -> None:
    """Caller A at seven times its usual load, more than the workers can send; caller B steady."""
    capacity = CONCURRENCY * len(bench.workers) / SEND_SECONDS
    usual = USUAL_SHARE * capacity
    assert FLOOD * usual > capacity
    seconds = 30.0
    slow = [
        # The first one by chance, and of what is left the next one: a quarter of the mails each.
        {"action": "delay", "delay_seconds": delay, "stage": "data", "probability": 1 / (4 - at)}
        for at, delay in enumerate((0.25, 0.35, 0.45, 0.55))
    ]
    async with create_http_client(timeout_seconds=30) as http:
        clients = SystemClient(http, bench.stack.addresses.system_urls)
        flood, steady, alone = [
            await make_sender(bench, name, clients, users)
            for name, users in (("flood", 400), ("steady", 60), ("alone", 60))
        ]
        await bench.system.set_failures("smtp", slow)
        rng = bench.rng("fairness")
        position = await bench.log.position()
        await alone.send(usual, seconds, rng)
        by_itself = p95(await seconds_to_provider(bench, position, alone))
        flooding = asyncio.create_task(flood.send(FLOOD * usual, seconds + 5, rng))
        await asyncio.sleep(5)
        await steady.send(usual, seconds, rng)
        await flooding
        beside = p95(await seconds_to_provider(bench, position, steady))
        await seconds_to_provider(bench, position, flood)  # late, but all of them
        await bench.system.set_failures("smtp", [])
    print(f"\nB alone: p95 {by_itself:.3f} s; beside A's flood: {beside:.3f} s")  # noqa: T201
    assert beside <= MOST_TIMES_ALONE * by_itself

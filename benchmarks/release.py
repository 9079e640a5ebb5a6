"""How punctually scheduled notifications are released, a thousand of them due each second."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg

from benchmarks.accept_system import AcceptSystem
from benchmarks.errors import BenchmarkError

PER_SECOND: Final = 1_000
RELAYS: Final = 2
_BATCH: Final = 1_000
_ACCEPTING_SECONDS: Final = 1.0  # for one batch, on a busy machine
_SETTLING_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Punctuality:
    """How long after their time notifications were released, in seconds.

    Attributes:
        number: Notifications that were scheduled.
        times_released: In all; each may be once.
        most_of_one: The same of the notification that was released most often.
    """

    number: int
    times_released: int
    most_of_one: int
    earliest: float
    median: float
    p99: float
    latest: float


async def release_scheduled(system: AcceptSystem, seconds: float) -> Punctuality:
    """Schedule a thousand for each of so many seconds, and see when two relays release them.

    Raises:
        BenchmarkError: They were not all accepted.
    """
    number = int(PER_SECOND * seconds)
    while sum(name.startswith("relay") for name in system.stack.services) < RELAYS:
        relay = await system.stack.add_replica("relay")
        await system.stack.ready([relay.name])
    ahead = _SETTLING_SECONDS + _ACCEPTING_SECONDS * number / _BATCH
    begin = datetime.now(UTC) + timedelta(seconds=ahead)
    users = system.clients.users.read_text().split()
    async with system.stack.client() as http:
        http.timeout = 30.0
        for first in range(0, number, _BATCH):
            items = [
                _item(users[at % len(users)], begin + timedelta(seconds=at / PER_SECOND))
                for at in range(first, min(first + _BATCH, number))
            ]
            answer = await http.post(
                f"{system.gateways(1)[0]}/batch",
                content=json.dumps({"notifications": items}),
                headers={"X-API-Key": system.clients.api_key, "Content-Type": "application/json"},
            )
            if answer.status_code != 202 or answer.json()["data"]["rejected"]:
                raise BenchmarkError(f"A batch was answered with {answer.status_code}.")
    if datetime.now(UTC) > begin:
        raise BenchmarkError("Accepting took longer than there was time for.")
    end = begin + timedelta(seconds=seconds + _SETTLING_SECONDS)
    await asyncio.sleep((end - datetime.now(UTC)).total_seconds())
    return await _punctuality(system, number, begin)


def _item(user_id: str, at: datetime) -> dict[str, Any]:
    return {
        "notification_type": "email",
        "user_id": user_id,
        "template_code": "welcome_email",
        "variables": {"name": "Ada", "link": "https://example.com/start"},
        "scheduled_at": at.isoformat(),
    }


async def _punctuality(system: AcceptSystem, number: int, begin: datetime) -> Punctuality:
    url = system.stack.addresses.notifications_database_url
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        row = await connection.fetchrow(
            """
            WITH released AS (
                SELECT e.notification_id, count(*) OVER (PARTITION BY e.notification_id) AS times,
                    extract(epoch FROM e.at - n.scheduled_at)::float8 AS late
                FROM notification_events AS e JOIN notifications AS n ON n.id = e.notification_id
                WHERE e.kind = 'released' AND n.scheduled_at >= $1
            )
            SELECT count(*) AS times_released, coalesce(max(times), 0) AS most_of_one,
                coalesce(min(late), 0) AS earliest,
                coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY late), 0) AS median,
                coalesce(percentile_disc(0.99) WITHIN GROUP (ORDER BY late), 0) AS p99,
                coalesce(max(late), 0) AS latest
            FROM released
            """,
            begin,
        )
    finally:
        await connection.close()
    return Punctuality(number, **row)

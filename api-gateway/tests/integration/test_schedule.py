"""What waits for its time, on real servers."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel
from gateway import PATH, running_relay
from loopback_services import LoopbackServices
from queues import channel_to, purge
from redis.asyncio import Redis
from samples import unused, user
from schedule_suite import FilledSchedule, ScheduleSuite, waiting
from sqlalchemy import func, update
from store_suite import put

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_schedule import PostgresSchedule
from api_gateway.adapters.tables import notifications
from api_gateway.domain.notification import Notification
from contracts.cache_keys import user_key
from contracts.notification import NotificationStatus as Status
from contracts.preferences import ChannelPreferences
from servicekit.database import Database

DUE_EACH = 400
QUIET_SECONDS = 1.5


class FilledPostgres:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.schedule = PostgresSchedule(database)

    async def put(self, one: Notification, *, due: timedelta) -> None:
        await put(PostgresNotificationStore(self._database), one)
        async with self._database.transaction() as connection:
            await connection.execute(
                update(notifications)
                .where(notifications.c.id == one.id)
                .values(release_at=func.now() + due)
            )

    async def status(self, one: Notification) -> Status:
        return (await self._find(one)).status

    async def variables(self, one: Notification) -> dict[str, Any]:
        return (await self._find(one)).variables

    async def _find(self, one: Notification) -> Notification:
        found = await PostgresHistory(self._database).find(one.id)
        assert found is not None
        return found


class TestPostgresSchedule(ScheduleSuite):
    @pytest.fixture
    def filled(self, database: Database) -> FilledSchedule:
        return FilledPostgres(database)


async def test_two_relays_never_take_the_same(database: Database) -> None:
    filled = FilledPostgres(database)
    ones = [waiting() for _ in range(60)]
    for one in ones:
        await filled.put(one, due=timedelta(seconds=-1))
    taken = await asyncio.gather(*(PostgresSchedule(database).lease_due(20) for _ in range(6)))
    counted = Counter(one.id for batch in taken for one in batch)
    assert {one.id for one in ones} <= counted.keys()
    assert set(counted.values()) == {1}


async def test_a_lease_that_ends_lets_another_relay_try(database: Database) -> None:
    filled, one = FilledPostgres(database), waiting()
    await filled.put(one, due=timedelta(seconds=-1))
    assert one.id in {each.id for each in await filled.schedule.lease_due(1_000)}
    async with database.transaction() as connection:
        await connection.execute(
            update(notifications)
            .where(notifications.c.id == one.id)
            .values(release_at=notifications.c.release_at - timedelta(seconds=16))
        )
    assert one.id in {each.id for each in await filled.schedule.lease_due(1_000)}


@pytest_asyncio.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    async with channel_to(amqp_url) as channel:
        await purge(channel, "email.queue")
        yield channel


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def accepted(
    client: httpx.AsyncClient, key: dict[str, str], body: dict[str, Any], **changes: Any
) -> str:
    asked = {**body, "request_id": unused("req"), **changes}
    answer = await client.post(PATH, json=asked, headers=key)
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    assert data["status"] == "scheduled"
    return str(data["notification_id"])


async def read(client: httpx.AsyncClient, key: dict[str, str], one: str) -> dict[str, Any]:
    answer = await client.get(f"{PATH}/{one}", headers=key)
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_what_is_scheduled_leaves_at_its_time_from_two_relays_once(
    client: httpx.AsyncClient,
    channel: AbstractChannel,
    services: LoopbackServices,
    database_url: str,
    redis_url: str,
    amqp_url: str,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    relay = {
        "database_url": database_url,
        "redis_url": redis_url,
        "amqp_url": amqp_url,
        "services_url": services.url,
    }
    at = in_seconds(3)
    ids = await asyncio.gather(
        *(accepted(client, app_key, body, scheduled_at=at) for _ in range(DUE_EACH))
    )
    first = await read(client, app_key, ids[0])
    assert [event["event"] for event in first["timeline"]] == ["scheduled"]
    assert first["deliveries"] == []
    assert first["scheduled_at"] == first["timeline"][0]["next_attempt_at"]
    async with running_relay(**relay), running_relay(**relay):
        copies = await copies_of(channel, set(ids), seconds=30)
    assert set(copies.values()) == {1}
    for one in ids:
        shown = await read(client, app_key, one)
        assert [event["event"] for event in shown["timeline"]] == ["scheduled", "released"]
        late = time_of(shown["timeline"][1]["at"]) - time_of(shown["scheduled_at"])
        assert timedelta(0) <= late <= timedelta(seconds=2)
        assert len(shown["deliveries"]) == 1


async def copies_of(channel: AbstractChannel, ids: set[str], *, seconds: float) -> Counter[str]:
    """How often each of these comes out of the lane; waits for a second copy after the last one.

    What other tests have left in the outbox comes out too.
    """
    queue = await channel.get_queue("email.queue", ensure=False)
    copies: Counter[str] = Counter()
    quiet_since = time.monotonic()
    async with asyncio.timeout(seconds):
        while copies.keys() != ids or time.monotonic() - quiet_since < QUIET_SECONDS:
            message = await queue.get(no_ack=True, fail=False)
            if message is None:
                await asyncio.sleep(0.02)
                continue
            one = json.loads(message.body)["notification_id"]
            if one in ids:
                copies[one] += 1
                quiet_since = time.monotonic()
    return copies


async def test_at_its_time_it_is_decided_with_what_is_true_then(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    redis: "Redis",
    database_url: str,
    redis_url: str,
    amqp_url: str,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    person = services.has_user(user())
    one = await accepted(
        client, app_key, body, user_id=str(person.user_id), scheduled_at=in_seconds(1)
    )
    changed = person.model_copy(
        update={"version": 2, "preferences": ChannelPreferences(email=False)}
    )
    services.has_user(changed)
    await redis.delete(user_key(person.user_id))  # where user-service would have put it
    async with running_relay(
        database_url=database_url,
        redis_url=redis_url,
        amqp_url=amqp_url,
        services_url=services.url,
    ):
        async with asyncio.timeout(10):
            while True:
                shown = await read(client, app_key, one)
                if shown["status"] != "scheduled":
                    break
                await asyncio.sleep(0.1)
    assert (shown["status"], shown["reason"]) == ("suppressed", "notification_preference_disabled")
    assert [event["event"] for event in shown["timeline"]] == ["scheduled", "suppressed"]


async def test_what_waits_can_be_cancelled_and_stays_so(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    one = await accepted(client, app_key, body, scheduled_at=in_seconds(3600))
    for _ in range(2):
        answer = await client.delete(f"{PATH}/{one}", headers=app_key)
        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "cancelled")
    shown = await read(client, app_key, one)
    assert [event["event"] for event in shown["timeline"]] == ["scheduled", "cancelled"]


async def test_what_is_on_its_way_cannot_be_cancelled(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    answer = await client.post(PATH, json={**body, "request_id": unused("req")}, headers=app_key)
    one = answer.json()["data"]["notification_id"]
    answer = await client.delete(f"{PATH}/{one}", headers=app_key)
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    unknown = await client.delete(f"{PATH}/notif_{uuid4().hex}", headers=app_key)
    assert (unknown.status_code, unknown.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scheduled_at": in_seconds(31 * 86400)}, "scheduled_at"),
        (
            {"scheduled_at": in_seconds(7200), "expires_at": in_seconds(3600)},
            "scheduled_at",
        ),
    ],
)
async def test_a_time_that_cannot_be_kept_is_refused(
    client: httpx.AsyncClient,
    app_key: dict[str, str],
    body: dict[str, Any],
    changes: dict[str, Any],
    field: str,
) -> None:
    asked = {**body, "request_id": unused("req"), **changes}
    answer = await client.post(PATH, json=asked, headers=app_key)
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


@pytest.fixture(autouse=True)
async def nothing_left(database: Database) -> AsyncIterator[None]:
    """What a test leaves waiting must not be due in a later one."""
    yield
    async with database.transaction() as connection:
        await connection.execute(
            update(notifications)
            .where(notifications.c.status == "scheduled")
            .values(status="cancelled", release_at=None)
        )

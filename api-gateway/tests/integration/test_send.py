"""`POST /api/v1/notifications`, from the request to the message in the lane."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel
from gateway import PATH
from loopback_services import LoopbackServices
from queues import channel_to, is_empty, purge, take, until
from redis.asyncio import Redis
from samples import unused, user
from sqlalchemy import func, select

from api_gateway.adapters.tables import notifications, outbox
from api_gateway.domain.identifiers import parse_notification_id
from contracts.access import Scope
from contracts.delivery_message import DeliveryMessage
from contracts.notification import DeviceKind
from contracts.preferences import ChannelChoice, ChannelPreferences, QuietHours
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import DeviceAddress, UserSnapshot
from servicekit.database import Database

LANES = ("email.queue", "email.priority.queue", "push.queue", "push.priority.queue")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest_asyncio.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    async with channel_to(amqp_url) as channel:
        await purge(channel, *LANES)
        yield channel


async def stored_with(database: Database, request_id: str) -> int:
    count = select(func.count()).where(notifications.c.request_id == request_id)
    async with database.transaction() as connection:
        return await connection.scalar(count) or 0


async def test_the_message_arrives_in_the_lane_with_every_field(
    client: httpx.AsyncClient,
    channel: AbstractChannel,
    app_key: dict[str, str],
    body: dict[str, Any],
    recipient: UserSnapshot,
    welcome: TemplateSnapshot,
) -> None:
    asked = {
        **body,
        "variables": {"name": "Jöhn ✓", "items": [1, 2.5, None, {"deep": True}]},
        "priority": 3,
        "language": "en",
        "expires_at": "2031-01-01T02:00:00+02:00",
        "metadata": {"campaign_id": "spring", "none": None},
    }
    headers = {**app_key, "X-Correlation-ID": "corr-42", "traceparent": TRACEPARENT}
    answer = await client.post(PATH, json=asked, headers=headers)
    assert answer.status_code == 202
    envelope = answer.json()
    assert (envelope["success"], envelope["error"], envelope["meta"]) == (True, None, None)
    data = envelope["data"]
    assert set(data) == {"notification_id", "status", "created_at"}
    assert data["status"] == "pending"
    assert answer.headers["X-Correlation-ID"] == "corr-42"
    assert "Idempotent-Replayed" not in answer.headers

    [arrived] = await take(channel, "email.queue", 1)
    message = DeliveryMessage.model_validate_json(arrived.body)
    assert arrived.message_id == str(message.delivery_id)
    assert arrived.correlation_id == "corr-42"
    client_id = message.client_id
    assert client_id.startswith("application:")
    assert message == DeliveryMessage(
        delivery_id=message.delivery_id,
        notification_id=data["notification_id"],
        notification_type=body["notification_type"],
        user_id=recipient.user_id,
        client_id=client_id,
        recipient="john@example.com",
        template_code=welcome.code,
        template_version=3,
        language="en",
        category="onboarding",
        ambiguous=welcome.ambiguous,
        variables=asked["variables"],
        request_id=body["request_id"],
        correlation_id="corr-42",
        traceparent=TRACEPARENT,
        priority=3,
        metadata=asked["metadata"],
        created_at=datetime.fromisoformat(data["created_at"]),
        expires_at=datetime.fromisoformat("2031-01-01T00:00:00+00:00"),
    )
    read = (await client.get(f"{PATH}/{data['notification_id']}", headers=app_key)).json()["data"]
    assert read["correlation_id"] == "corr-42"
    assert [event["event"] for event in read["timeline"]] == ["accepted"]


async def test_priority_takes_its_lane_and_each_device_gets_a_message(
    client: httpx.AsyncClient,
    channel: AbstractChannel,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    devices = tuple(DeviceAddress(kind=DeviceKind.FCM, token=token) for token in ("one", "two"))
    owner = services.has_user(user(devices=devices))
    asked = {
        **body,
        "user_id": str(owner.user_id),
        "notification_type": "push",
        "priority": 5,
    }
    answer = await client.post(PATH, json=asked, headers=app_key)
    assert answer.status_code == 202
    messages = [
        DeliveryMessage.model_validate_json(arrived.body)
        for arrived in await take(channel, "push.priority.queue", 2)
    ]
    assert {message.recipient for message in messages} == {"one", "two"}
    assert {message.device_kind for message in messages} == {DeviceKind.FCM}
    assert {message.notification_id for message in messages} == {
        answer.json()["data"]["notification_id"]
    }


async def test_of_fifty_equal_posts_at_once_one_is_stored_and_one_is_sent(
    client: httpx.AsyncClient,
    channel: AbstractChannel,
    database: Database,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    answers = await asyncio.gather(
        *(client.post(PATH, json=body, headers=app_key) for _ in range(50))
    )
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {202, 409}
    accepted = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.json()["data"]["notification_id"] for answer in accepted}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in accepted) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["error"] == "request_in_flight"
            assert int(answer.headers["Retry-After"]) >= 1
    assert await stored_with(database, body["request_id"]) == 1
    await take(channel, "email.queue", 1)
    assert await is_empty(channel, "email.queue")


async def test_a_repeat_gets_the_first_answer_with_the_replayed_header(
    client: httpx.AsyncClient,
    redis: "Redis",
    database: Database,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    first = await client.post(PATH, json=body, headers=app_key)
    from_redis = await client.post(PATH, json=body, headers=app_key)
    async for key in redis.scan_iter(match=f"idem:*{body['request_id']}"):
        await redis.delete(key)
    from_postgres = await client.post(PATH, json=body, headers=app_key)
    for repeat in (from_redis, from_postgres):
        assert repeat.status_code == 202
        assert repeat.headers["Idempotent-Replayed"] == "true"
        assert repeat.json() == first.json()
    other = await client.post(PATH, json={**body, "priority": 9}, headers=app_key)
    assert (other.status_code, other.json()["error"]) == (422, "idempotency_key_reused")
    assert await stored_with(database, body["request_id"]) == 1


async def test_a_refused_request_leaves_its_id_free(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    refused = await client.post(PATH, json={**body, "variables": {}}, headers=app_key)
    assert refused.status_code == 422
    accepted = await client.post(PATH, json=body, headers=app_key)
    assert accepted.status_code == 202
    assert "Idempotent-Replayed" not in accepted.headers


async def test_the_same_id_of_another_application_is_another_request(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    other = services.api_key(Scope.NOTIFICATIONS_SEND)
    answers = [await client.post(PATH, json=body, headers=key) for key in (app_key, other)]
    assert [answer.status_code for answer in answers] == [202, 202]
    ids = {answer.json()["data"]["notification_id"] for answer in answers}
    assert len(ids) == 2


async def test_in_quiet_hours_it_is_kept_for_their_end(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    channel: AbstractChannel,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    now = datetime.now(UTC)
    end = (now + timedelta(hours=2)).replace(second=0, microsecond=0)
    begin = now - timedelta(hours=1)
    quiet = QuietHours.model_validate({"start": f"{begin:%H:%M}", "end": f"{end:%H:%M}"})
    owner = services.has_user(user(quiet_hours=quiet))
    asked = {**body, "user_id": str(owner.user_id)}
    answers = [await client.post(PATH, json=asked, headers=app_key) for _ in range(2)]
    for answer in answers:
        assert (answer.status_code, answer.json()["success"]) == (202, True)
        assert answer.json()["data"]["status"] == "scheduled"
    assert answers[0].json() == answers[1].json()
    path = f"{PATH}/{answers[0].json()['data']['notification_id']}"
    shown = (await client.get(path, headers=app_key)).json()["data"]
    assert (shown["status"], shown["reason"]) == ("scheduled", "quiet_hours")
    assert datetime.fromisoformat(shown["scheduled_at"]) == end
    first = shown["timeline"][0]
    assert (first["event"], first["reason"]) == ("scheduled", "quiet_hours")
    assert await is_empty(channel, "email.queue")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"is_active": False}, "user_inactive"),
        (
            {"preferences": ChannelPreferences(email=False)},
            "notification_preference_disabled",
        ),
        ({"categories": {"onboarding": ChannelChoice(email=False)}}, "category_opted_out"),
        ({"email": None}, "no_address"),
    ],
)
async def test_what_the_recipient_does_not_want_is_kept_and_not_sent(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    channel: AbstractChannel,
    app_key: dict[str, str],
    body: dict[str, Any],
    changes: dict[str, Any],
    error: str,
) -> None:
    owner = services.has_user(user(**changes))
    asked = {**body, "user_id": str(owner.user_id)}
    answers = [await client.post(PATH, json=asked, headers=app_key) for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 202
        assert (answer.json()["success"], answer.json()["error"]) == (False, error)
        assert answer.json()["data"]["status"] == "suppressed"
    assert answers[0].json() == answers[1].json()
    public_id = answers[0].json()["data"]["notification_id"]
    read = (await client.get(f"{PATH}/{public_id}", headers=app_key)).json()["data"]
    assert (read["status"], read["reason"], read["deliveries"]) == ("suppressed", error, [])
    assert await is_empty(channel, "email.queue")


async def test_every_202_is_stored_before_it_is_answered(
    client: httpx.AsyncClient, database: Database, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    async def send() -> UUID:
        answer = await client.post(
            PATH, json={**body, "request_id": unused("req")}, headers=app_key
        )
        assert answer.status_code == 202
        public_id = answer.json()["data"]["notification_id"]
        async with database.transaction() as connection:
            count = select(func.count()).where(
                notifications.c.id == parse_notification_id(public_id)
            )
            assert await connection.scalar(count) == 1
        found = parse_notification_id(public_id)
        assert found is not None
        return found

    assert len(set(await asyncio.gather(*(send() for _ in range(40))))) == 40


async def test_what_was_published_leaves_no_row_in_the_outbox(
    client: httpx.AsyncClient,
    channel: AbstractChannel,
    database: Database,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    await client.post(PATH, json=body, headers=app_key)
    [arrived] = await take(channel, "email.queue", 1)

    async def row_is_gone() -> bool:
        count = select(func.count()).where(outbox.c.delivery_id == UUID(str(arrived.message_id)))
        async with database.transaction() as connection:
            return await connection.scalar(count) == 0

    await until(row_is_gone)


async def test_requests_cancelled_at_any_point_can_be_repeated_and_are_stored_once(
    client: httpx.AsyncClient, database: Database, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    dice = random.Random(20261120)
    asked = [{**body, "request_id": unused("req")} for _ in range(40)]

    async def post(one: dict[str, Any]) -> httpx.Response:
        return await client.post(PATH, json=one, headers=app_key)

    async def cancelled_soon(one: dict[str, Any]) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(post(one), dice.uniform(0.0, 0.15))

    await asyncio.gather(*(cancelled_soon(one) for one in asked))
    for one in asked:
        answer = await post(one)
        while answer.status_code == 409:  # at most until the lease of the cancelled one is over
            await asyncio.sleep(0.1)
            answer = await post(one)
        assert answer.status_code == 202
        assert await stored_with(database, one["request_id"]) == 1

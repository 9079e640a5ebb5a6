"""`POST /notifications/batch` and `GET /batches/{id}`, on real servers."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel
from loopback_services import LoopbackServices
from queues import channel_to, purge, take
from samples import NOW, acceptance_of, message_of, notification, unused, unused_key, user
from sqlalchemy import func, select

from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.tables import batches, notifications
from api_gateway.domain.batch import Batch
from api_gateway.domain.identifiers import parse_batch_id
from api_gateway.usecases.ports import NewNotification, Stored, StoredRequest, Unstorable
from contracts.access import Scope
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.database import Database, DatabaseUnavailableError

PATH = "/api/v1/notifications/batch"
LANES = ("email.queue", "email.priority.queue", "push.queue", "push.priority.queue")


@pytest_asyncio.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    async with channel_to(amqp_url) as channel:
        await purge(channel, *LANES)
        yield channel


def items(body: dict[str, Any], count: int, **changes: Any) -> list[dict[str, Any]]:
    return [{**body, "request_id": unused("req"), **changes} for _ in range(count)]


async def post(
    client: httpx.AsyncClient, key: dict[str, str], notifications: list[Any], **headers: str
) -> httpx.Response:
    return await client.post(PATH, json={"notifications": notifications}, headers=key | headers)


async def test_a_batch_is_stored_published_and_read_back(
    client: httpx.AsyncClient,
    channel: AbstractChannel,
    database: Database,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    wanted = [*items(body, 40), *items(body, 1, user_id=str(uuid4()))]
    answer = await post(client, app_key, [*wanted, {"nonsense": 1}, 7])
    assert answer.status_code == 202, answer.text
    data = answer.json()["data"]
    assert (data["total"], data["accepted"], data["rejected"]) == (43, 40, 3)
    results = data["results"]
    assert [one["error"] for one in results[40:]] == [
        *("user_not_found", "validation_failed", "validation_failed")
    ]
    assert "nonsense" in {detail["field"] for detail in results[41]["details"]}
    assert [one["request_id"] for one in results[:41]] == [item["request_id"] for item in wanted]
    sent = await take(channel, "email.queue", 40)
    assert {json.loads(one.body)["notification_id"] for one in sent} == {
        one["notification_id"] for one in results[:40]
    }
    progress = await client.get(f"/api/v1/batches/{data['batch_id']}", headers=app_key)
    assert progress.status_code == 200, progress.text
    shown = progress.json()["data"]
    assert (shown["status"], shown["counts"]) == ("processing", {"pending": 40})
    assert (shown["total"], shown["rejected"], shown["replayed"]) == (43, 3, 0)
    count = select(func.count()).where(notifications.c.batch_id == parse_batch_id(data["batch_id"]))
    async with database.transaction() as connection:
        assert await connection.scalar(count) == 40


async def test_repeating_it_whole_answers_the_same_and_stores_nothing(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    asked = items(body, 20)
    first = (await post(client, app_key, asked)).json()["data"]
    again = (await post(client, app_key, asked)).json()["data"]
    assert (again["accepted"], again["replayed"], again["rejected"]) == (0, 20, 0)
    assert [one["notification_id"] for one in again["results"]] == [
        one["notification_id"] for one in first["results"]
    ]
    shown = (await client.get(f"/api/v1/batches/{again['batch_id']}", headers=app_key)).json()
    assert (shown["data"]["status"], shown["data"]["replayed"]) == ("completed", 20)


async def test_with_a_key_of_its_own_items_need_none(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    asked = [{name: value for name, value in body.items() if name != "request_id"}] * 3
    key = {"Idempotency-Key": unused("batch")}
    first = (await post(client, app_key, asked, **key)).json()["data"]
    again = (await post(client, app_key, asked, **key)).json()["data"]
    assert (first["accepted"], again["replayed"]) == (3, 3)
    assert first["batch_id"] == again["batch_id"]
    assert len({one["notification_id"] for one in first["results"]}) == 3
    shown = (await client.get(f"/api/v1/batches/{first['batch_id']}", headers=app_key)).json()
    assert (shown["data"]["replayed"], shown["data"]["counts"]) == (0, {"pending": 3})


async def test_users_are_looked_up_in_one_question(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    people = [services.has_user(user()) for _ in range(150)]
    before = services.asked["/api/v1/users/snapshots"]
    asked = [
        {**item, "user_id": str(each.user_id)}
        for item, each in zip(items(body, 150), people, strict=True)
    ]
    data = (await post(client, app_key, asked)).json()["data"]
    assert data["accepted"] == 150
    assert services.asked["/api/v1/users/snapshots"] == before + 1
    assert all(services.asked[f"/api/v1/users/{one.user_id}/snapshot"] == 0 for one in people)
    again = [{**item, "request_id": unused("req")} for item in asked]
    assert (await post(client, app_key, again)).json()["data"]["accepted"] == 150
    assert services.asked["/api/v1/users/snapshots"] == before + 1  # cached by then


async def test_each_item_pays_for_itself(
    client: httpx.AsyncClient, services: LoopbackServices, body: dict[str, Any]
) -> None:
    key = services.api_key(Scope.NOTIFICATIONS_SEND, rate_per_minute=5)
    answer = await post(client, key, items(body, 8))
    assert [one["error"] for one in answer.json()["data"]["results"]] == [
        *[None] * 5,
        *["rate_limited"] * 3,
    ]
    assert answer.headers["RateLimit-Policy"] == '"default";q=5;w=60'
    assert answer.headers["RateLimit"].startswith('"default";r=0;t=')


@pytest.mark.parametrize(
    ("content", "status", "field"),
    [
        (b'{"notifications": []}', 422, "notifications"),
        (b'{"notifications": %s}' % json.dumps([{}] * 1001).encode(), 422, "notifications"),
        (b'{"notifications": {}}', 422, "notifications"),
        (b"{}", 422, "notifications"),
        (b'{"notifications": [{}], "more": 1}', 422, "more"),
        (b'{"notifications": ["%s"]}' % (b"x" * (5 * 1024 * 1024)), 413, None),
    ],
)
async def test_a_body_that_is_no_batch_is_refused_whole(
    client: httpx.AsyncClient,
    app_key: dict[str, str],
    content: bytes,
    status: int,
    field: str | None,
) -> None:
    headers = app_key | {"Content-Type": "application/json"}
    answer = await client.post(PATH, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    if field is not None:
        assert [detail["field"] for detail in answer.json()["details"]] == [field]


async def test_a_thousand_items_of_four_kilobytes_are_a_batch(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    asked = items(body, 1_000, metadata={"long": "x" * 4_000})
    answer = await post(client, app_key, asked)
    assert answer.json()["data"]["accepted"] == 1_000


async def test_a_users_token_reaches_that_user_only(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    body: dict[str, Any],
    recipient: UserSnapshot,
) -> None:
    asked = [*items(body, 1), *items(body, 1, user_id=str(uuid4()))]
    answer = await post(client, services.bearer(recipient.user_id), asked)
    assert [one["error"] for one in answer.json()["data"]["results"]] == [None, "forbidden"]


async def test_nobody_else_sees_a_batch(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    batch_id = (await post(client, app_key, items(body, 1))).json()["data"]["batch_id"]
    path = f"/api/v1/batches/{batch_id}"
    other = services.api_key(Scope.NOTIFICATIONS_READ)
    assert (await client.get(path, headers=other)).status_code == 404
    admin = services.api_key(Scope.ADMIN)
    assert (await client.get(path, headers=admin)).status_code == 200
    for unknown in ("batch_" + uuid4().hex, "batch_x", uuid4().hex):
        answer = await client.get(f"/api/v1/batches/{unknown}", headers=app_key)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_value_that_postgresql_refuses_costs_the_other_items_nothing(
    database: Database, welcome: TemplateSnapshot
) -> None:
    store, batch = PostgresNotificationStore(database), Batch(uuid4(), "application:a", NOW, 3, 0)
    good, also_good = notification(batch_id=batch.id), notification(batch_id=batch.id)
    broken = notification(batch_id=batch.id, category="x" * 51)
    results = await store.store_batch(
        batch,
        [
            NewNotification(
                one,
                tuple(message_of(one, item) for item in one.deliveries),
                acceptance_of(one),
                unused_key(),
                "f" * 64,
            )
            for one in (good, broken, also_good)
        ],
    )
    assert [type(result) for result in results] == [Stored, Unstorable, Stored]
    async with database.transaction() as connection:
        total = select(batches.c.total).where(batches.c.id == batch.id)
        assert await connection.scalar(total) == 3


@pytest.mark.parametrize(
    "odd",
    [
        {"request_id": "\ud800"},
        {"request_id": "x" * 100_000},
        {"\ud800": 1},
        {"user_id": "\ud800"},
        {"variables": {"a": "\ud800"}},
        {str(number): 0 for number in range(90_000)},
    ],
    ids=["surrogate id", "long id", "surrogate key", "surrogate value", "variable", "keys"],
)
async def test_an_item_that_cannot_even_be_shown_costs_the_others_nothing(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any], odd: dict[str, Any]
) -> None:
    [good] = items(body, 1)
    content = json.dumps({"notifications": [{**good, "request_id": unused("req"), **odd}, good]})
    started = time.monotonic()
    headers = app_key | {"Content-Type": "application/json"}
    answer = await client.post(PATH, content=content, headers=headers)
    assert time.monotonic() - started < 3
    assert answer.status_code == 202, answer.text
    first, second = answer.json()["data"]["results"]
    assert (first["error"], second["error"]) == ("validation_failed", None)
    assert len(answer.content) < 5_000


async def test_a_key_of_the_greatest_length_names_its_items_too(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    asked = [{name: value for name, value in body.items() if name != "request_id"}] * 12
    key = {"Idempotency-Key": unused("batch").ljust(255, "k")}
    first = (await post(client, app_key, asked, **key)).json()["data"]
    again = (await post(client, app_key, asked, **key)).json()["data"]
    assert (first["accepted"], again["replayed"]) == (12, 12)


class AwayForSome(PostgresNotificationStore):
    """The database is away for single rows of this category."""

    async def store_all(self, items: Sequence[NewNotification]) -> list[Stored | StoredRequest]:
        if [each.notification.category for each in items] == ["away"]:
            msg = "away"
            raise DatabaseUnavailableError(msg)
        return await super().store_all(items)


async def test_a_database_that_is_away_for_one_row_costs_the_others_nothing(
    database: Database,
) -> None:
    batch = Batch(uuid4(), "application:a", NOW, 3, 0)
    categories = ("onboarding", "x" * 51, "away")
    results = await AwayForSome(database).store_batch(
        batch,
        [
            NewNotification(one, (), acceptance_of(one), None, "")
            for one in (
                notification(batch_id=batch.id, category=each, deliveries=()) for each in categories
            )
        ],
    )
    assert [type(result) for result in results] == [Stored, Unstorable, Unstorable]
    assert [each.is_passing for each in results if isinstance(each, Unstorable)] == [False, True]

"""`POST /api/v1/notifications/explain`, and that nothing comes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from gateway import PATH, running_gateway
from loopback_services import LoopbackServices
from queues import channel_to, is_empty, purge
from redis.asyncio import Redis
from samples import live_version, template, unused, user
from sqlalchemy import func, select

from api_gateway.adapters.tables import metadata
from contracts.access import Role, Scope
from contracts.cache_keys import template_key, user_key
from contracts.envelope import ErrorEnvelope
from contracts.names import LANES
from contracts.notification import DeviceKind, NotificationType
from contracts.preferences import ChannelPreferences
from contracts.suppression import SuppressionReason
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import DeviceAddress, UserSnapshot
from servicekit.database import Database
from servicekit.versioned_cache import SOFT_SECONDS

EXPLAIN = f"{PATH}/explain"


@pytest.fixture
def rendered(services: LoopbackServices, welcome: TemplateSnapshot) -> str:
    """The path where the gateway has the welcome mail rendered."""
    return services.renders(welcome.code, 3, headline="Welcome, John!")


async def explained(
    client: httpx.AsyncClient, headers: dict[str, str], body: dict[str, Any]
) -> dict[str, Any]:
    answer = await client.post(EXPLAIN, json=body, headers=headers)
    assert answer.status_code == 200
    envelope = answer.json()
    assert (envelope["success"], envelope["error"]) == (True, None)
    data: dict[str, Any] = envelope["data"]
    return data


async def rows(database: Database) -> dict[str, int]:
    """How many rows each table of ours has."""
    async with database.transaction() as connection:
        return {
            table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
        }


async def test_tells_everything_that_would_be_decided(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
    welcome: TemplateSnapshot,
    rendered: str,
) -> None:
    assert await explained(client, app_key, body) == {
        "would_send": True,
        "outcome": "pending",
        "notification_type": "email",
        "user_id": body["user_id"],
        "recipients": [{"recipient": "j***@example.com", "device_kind": None}],
        "template_code": welcome.code,
        "template_version": 3,
        "language": "en",
        "language_from": "user",
        "category": "onboarding",
        "priority": 4,
        "lane": "email.queue",
        "scheduled_until": None,
        "subject": "Welcome, John!",
        "title": None,
        "reasons": [],
        "notes": [],
    }
    assert services.questions[rendered] == {
        "language": "en",
        "notification_type": "email",
        "variables": {"name": "John"},
    }


async def test_nothing_is_stored_sent_or_reserved_and_the_key_stays_free(
    client: httpx.AsyncClient,
    database: Database,
    redis: "Redis",
    amqp_url: str,
    app_key: dict[str, str],
    body: dict[str, Any],
    rendered: str,
) -> None:
    await explained(client, app_key, body)  # fills the caches of users, templates and keys
    async with channel_to(amqp_url) as channel:
        await purge(channel, *LANES)
        before, keys_before = await rows(database), {key async for key in redis.scan_iter()}
        later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        for asked in (body, {**body, "scheduled_at": later}, {**body, "variables": {}}):
            await explained(client, app_key, asked)
        keyed = {key: value for key, value in body.items() if key != "request_id"}
        answer = await client.post(
            EXPLAIN, json=keyed, headers={**app_key, "Idempotency-Key": unused("req")}
        )
        assert answer.status_code == 200
        assert await rows(database) == before
        assert {key async for key in redis.scan_iter()} <= keys_before
        for lane in LANES:
            assert await is_empty(channel, lane)
    sent = await client.post(PATH, json=body, headers=app_key)
    assert sent.status_code == 202
    assert "Idempotent-Replayed" not in sent.headers
    # What a used key was used for is no matter either.
    assert (await explained(client, app_key, {**body, "priority": 9}))["would_send"]


async def test_a_push_names_each_device_and_has_a_title(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
    rendered: str,
) -> None:
    tokens = ("first-device-token", "second-device-token")
    devices = tuple(DeviceAddress(kind=DeviceKind.FCM, token=token) for token in tokens)
    owner = services.has_user(user(devices=devices))
    push = {**body, "user_id": str(owner.user_id), "notification_type": "push", "priority": 5}
    data = await explained(client, app_key, push)
    assert data["recipients"] == [
        {"recipient": "first-***", "device_kind": "fcm"},
        {"recipient": "second***", "device_kind": "fcm"},
    ]
    assert (data["subject"], data["title"]) == (None, "Welcome, John!")
    assert data["lane"] == "push.priority.queue"


async def test_every_reason_has_a_remedy_and_the_field_that_is_wrong(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    unwilling = services.has_user(
        user(
            is_active=False,
            email=None,
            preferences=ChannelPreferences(email=False),
            email_suppressed=SuppressionReason.MANUAL,
        )
    )
    data = await explained(
        client, app_key, {**body, "user_id": str(unwilling.user_id), "variables": {}}
    )
    assert (data["would_send"], data["outcome"]) == (False, "missing_variables")
    assert [reason["code"] for reason in data["reasons"]] == [
        "missing_variables",
        "user_inactive",
        "notification_preference_disabled",
        "address_suppressed",
        "no_address",
    ]
    assert [reason["field"] for reason in data["reasons"]] == ["variables.name", *[None] * 4]
    assert all(reason["remedy"] and reason["message"] for reason in data["reasons"])
    assert (data["subject"], data["recipients"]) == (None, [])


async def test_unknown_user_and_unknown_template_are_one_answer(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    data = await explained(
        client, app_key, {**body, "user_id": str(uuid4()), "template_code": "no_such_template"}
    )
    assert (data["would_send"], data["outcome"]) == (False, "user_not_found")
    assert [(reason["code"], reason["field"]) for reason in data["reasons"]] == [
        ("user_not_found", "user_id"),
        ("template_not_found", "template_code"),
    ]
    unknown = ("template_version", "language", "language_from", "category", "priority", "lane")
    assert {data[name] for name in unknown} == {None}


@pytest.mark.parametrize(
    ("user_changes", "asked"),
    [
        ({}, {}),
        ({"is_active": False}, {}),
        ({"preferences": ChannelPreferences(email=False)}, {}),
        ({"email_suppressed": SuppressionReason.COMPLAINT}, {}),
        ({"email": None}, {}),
        ({}, {"variables": {}}),
        ({}, {"template_code": "no_such_template"}),
        ({}, {"user_id": str(uuid4())}),
        ({}, {"scheduled_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}),
        ({}, {"scheduled_at": (datetime.now(UTC) + timedelta(days=99)).isoformat()}),
    ],
)
async def test_the_outcome_is_what_sending_answers(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
    user_changes: dict[str, Any],
    asked: dict[str, Any],
    rendered: str,
) -> None:
    owner = services.has_user(user(**user_changes))
    asked = {**body, "user_id": str(owner.user_id), **asked}
    data = await explained(client, app_key, asked)
    sent = (await client.post(PATH, json=asked, headers=app_key)).json()
    assert data["outcome"] == (sent["data"]["status"] if sent["data"] else sent["error"])
    first = data["reasons"][0]["code"] if data["reasons"] else None
    assert first == sent["error"]
    assert data["would_send"] is sent["success"]


async def test_what_cannot_be_rendered_would_not_be_sent(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    found = services.has_template(template(languages={"en": live_version(2)}))
    services.renders(found.code, 2, problem="missing variables: user.name")
    data = await explained(client, app_key, {**body, "template_code": found.code})
    assert (data["would_send"], data["outcome"], data["subject"]) == (False, "pending", None)
    [reason] = data["reasons"]
    assert (reason["code"], reason["field"]) == ("render_failed", "variables")
    assert reason["message"] == "missing variables: user.name"


async def test_while_the_owners_are_away_old_copies_serve_and_are_named(
    database_url: str,
    redis_url: str,
    amqp_url: str,
    client: httpx.AsyncClient,
    redis: "Redis",
    app_key: dict[str, str],
    body: dict[str, Any],
    recipient: UserSnapshot,
    welcome: TemplateSnapshot,
    rendered: str,
    unused_tcp_port: int,
) -> None:
    fresh = await explained(client, app_key, body)
    async with running_gateway(
        database_url=database_url,
        redis_url=redis_url,
        amqp_url=amqp_url,
        services_url=f"http://127.0.0.1:{unused_tcp_port}",
    ) as lonely:
        data = await explained(lonely, app_key, body)
        assert [note["code"] for note in data["notes"]] == ["not_rendered"]
        for key in (user_key(recipient.user_id), template_key(welcome.code)):
            stored_at = float(await redis.hget(key, "stored_at") or 0)
            await redis.hset(key, "stored_at", str(stored_at - SOFT_SECONDS - 1))
        data = await explained(lonely, app_key, body)
        codes = [note["code"] for note in data["notes"]]
        assert codes == ["stale_user", "stale_template", "not_rendered"]
        assert data == {**fresh, "subject": None, "notes": data["notes"]}
        answer = await lonely.post(EXPLAIN, json={**body, "user_id": str(uuid4())}, headers=app_key)
        assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert (await explained(client, app_key, body))["notes"] == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", (400, "malformed_request")),
        (b"{}", (422, "validation_failed")),
        (b'{"notification_type": "sms"}', (422, "validation_failed")),
    ],
)
async def test_a_body_that_sending_could_not_read_is_refused(
    client: httpx.AsyncClient, app_key: dict[str, str], content: bytes, expected: tuple[int, str]
) -> None:
    headers = {**app_key, "Content-Type": "application/json"}
    answer = await client.post(EXPLAIN, content=content, headers=headers)
    assert judged(answer) == expected


async def test_header_and_body_must_give_the_same_key(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    answer = await client.post(EXPLAIN, json=body, headers={**app_key, "Idempotency-Key": "other"})
    assert judged(answer) == (400, "malformed_request")


async def test_who_may_send_may_ask_and_nobody_else(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    body: dict[str, Any],
    recipient: UserSnapshot,
    rendered: str,
) -> None:
    admin = services.bearer(uuid4(), Role.ADMIN)
    for headers in (
        services.api_key(Scope.NOTIFICATIONS_SEND),
        services.api_key(Scope.ADMIN),
        services.bearer(recipient.user_id),
        admin,
    ):
        assert (await explained(client, headers, body))["would_send"]
    someone = services.bearer(services.has_user(user()).user_id)
    unauthenticated, forbidden = (401, "unauthenticated"), (403, "forbidden")
    for headers, expected in (
        ({}, unauthenticated),
        ({"X-API-Key": "wrong"}, unauthenticated),
        ({"X-Service-Token": "user-service:x"}, unauthenticated),
        (services.bearer(recipient.user_id, seconds=-30), unauthenticated),
        (services.api_key(Scope.NOTIFICATIONS_READ), forbidden),
        (someone, forbidden),
    ):
        assert judged(await client.post(EXPLAIN, json=body, headers=headers)) == expected


async def test_a_language_that_was_asked_for_is_said_to_be(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    body: dict[str, Any],
) -> None:
    found = services.has_template(
        template(
            languages={"en": live_version(1), "de": live_version(4, NotificationType.EMAIL)},
            category="security_alert",
        )
    )
    services.renders(found.code, 4, headline="Hallo")
    later = datetime.now(UTC) + timedelta(days=2)
    data = await explained(
        client,
        app_key,
        {
            **body,
            "template_code": found.code,
            "language": "de-AT",
            "scheduled_at": later.isoformat(),
        },
    )
    assert (data["language"], data["language_from"]) == ("de", "requested")
    assert (data["template_version"], data["subject"]) == (4, "Hallo")
    assert (data["priority"], data["lane"]) == (8, "email.priority.queue")
    assert (data["would_send"], data["outcome"]) == (True, "scheduled")
    assert datetime.fromisoformat(data["scheduled_until"]) == later
    assert [note["code"] for note in data["notes"]] == ["decided_again"]


def judged(answer: httpx.Response) -> tuple[int, str]:
    envelope = ErrorEnvelope.model_validate_json(answer.content)
    assert not envelope.success
    return answer.status_code, envelope.error.value

"""`POST /api/v1/email/status`, `/push/status`: through the broker and the relay to the timeline."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from gateway import CALLERS, PATH, running_gateway, running_relay
from loopback_services import LoopbackServices
from queues import channel_to, is_empty, purge, until
from samples import delivery, notification, outcome
from store_suite import put

from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification import Notification
from contracts.access import Role, Scope
from contracts.names import FAILED_QUEUE, OUTCOMES_QUEUE
from contracts.notification import NotificationType
from servicekit.database import Database

EMAIL_STATUS = "/api/v1/email/status"
PUSH_STATUS = "/api/v1/push/status"
BY_EMAIL_SERVICE = {"X-Service-Token": CALLERS["email-service"]}
BY_PUSH_SERVICE = {"X-Service-Token": CALLERS["push-service"]}


@pytest_asyncio.fixture
async def relay(client: httpx.AsyncClient, database_url: str, amqp_url: str) -> AsyncIterator[None]:
    """Records for as long as this is used; nothing is refused meanwhile."""
    async with channel_to(amqp_url) as channel:
        await purge(channel, OUTCOMES_QUEUE, FAILED_QUEUE)
        async with running_relay(database_url=database_url, amqp_url=amqp_url):
            yield
        assert await is_empty(channel, FAILED_QUEUE)


async def stored(database: Database, **changes: Any) -> Notification:
    one = notification(**changes)
    await put(PostgresNotificationStore(database), one)
    return one


def body(one: Notification, **changes: Any) -> dict[str, Any]:
    said = {"notification_id": public_notification_id(one.id), "status": "delivered"}
    return {**said, **changes}


async def report(
    client: httpx.AsyncClient,
    json: dict[str, Any],
    path: str = EMAIL_STATUS,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    return await client.post(path, json=json, headers=headers or BY_EMAIL_SERVICE)


async def read(
    client: httpx.AsyncClient, services: LoopbackServices, one: Notification
) -> dict[str, Any]:
    path = f"{PATH}/{public_notification_id(one.id)}"
    answer = await client.get(path, headers=services.api_key(Scope.ADMIN))
    data: dict[str, Any] = answer.json()["data"]
    return data


async def read_with(
    client: httpx.AsyncClient, services: LoopbackServices, one: Notification, *events: str
) -> dict[str, Any]:
    """The notification, as soon as its history has these events."""

    async def is_told() -> bool:
        data = await read(client, services, one)
        return sorted(event["event"] for event in data["timeline"]) == sorted(("accepted", *events))

    await until(is_told)
    return await read(client, services, one)


@pytest.mark.usefixtures("relay")
async def test_a_reported_status_is_told_in_the_timeline_once_however_often_it_is_reported(
    client: httpx.AsyncClient, services: LoopbackServices, database: Database
) -> None:
    one = await stored(database)
    said = body(
        one,
        status="bounced",
        timestamp="2026-11-21T08:00:00+01:00",
        reason="invalid_recipient",
        error="550 5.1.1 <grace@example.com> unknown",
        provider="mailhost",
        provider_message_id="<1@example.com>",
        attempt=1,
    )
    ids = set()
    for path in (EMAIL_STATUS, f"{EMAIL_STATUS}/"):
        answer = await report(client, said, path)
        assert answer.status_code == 202
        assert answer.json()["data"]["delivery_id"] == str(one.deliveries[0].id)
        ids.add(answer.json()["data"]["event_id"])
    assert len(ids) == 1
    other = await report(client, body(one, status="pending"))
    assert other.status_code == 202
    told = await read_with(client, services, one, "bounced", "deferred")
    assert (told["status"], told["reason"]) == ("bounced", "invalid_recipient")
    [event] = [event for event in told["timeline"] if event["event"] == "bounced"]
    assert event["at"] == "2026-11-21T07:00:00Z"
    assert event["detail"] == "550 5.1.1 <g***@example.com> unknown"
    assert (event["provider"], event["attempt"]) == ("mailhost", 1)
    assert event["provider_message_id"] == "<1@example.com>"
    assert event["delivery_id"] == str(one.deliveries[0].id)


@pytest.mark.usefixtures("relay")
async def test_a_failure_reported_after_the_delivery_is_shown_and_changes_nothing(
    client: httpx.AsyncClient, services: LoopbackServices, database: Database
) -> None:
    one = await stored(database)
    sent = outcome(notification_id=one.id, delivery_id=one.deliveries[0].id)
    await PostgresOutcomeRecorder(database).record([sent])
    assert (await report(client, body(one, status="failed", error="gone"))).status_code == 202
    told = await read_with(client, services, one, "sent", "failed")
    assert told["status"] == "delivered"
    assert (await report(client, body(one, status="bounced"))).status_code == 202
    told = await read_with(client, services, one, "sent", "failed", "bounced")
    assert told["status"] == "bounced"


@pytest.mark.usefixtures("relay")
async def test_each_device_of_a_push_has_its_own_status(
    client: httpx.AsyncClient, services: LoopbackServices, database: Database
) -> None:
    one = await stored(
        database, notification_type=NotificationType.PUSH, deliveries=(delivery(), delivery())
    )
    answer = await report(client, body(one), PUSH_STATUS, BY_PUSH_SERVICE)
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == ["delivery_id"]
    for item, status in zip(one.deliveries, ("failed", "delivered"), strict=True):
        said = body(one, status=status, delivery_id=str(item.id))
        assert (await report(client, said, PUSH_STATUS, BY_PUSH_SERVICE)).status_code == 202
    told = await read_with(client, services, one, "failed", "sent")
    assert [item["status"] for item in told["deliveries"]] == ["failed", "delivered"]
    assert told["status"] == "delivered"


@pytest.mark.usefixtures("relay")
async def test_a_report_with_an_event_id_that_the_queue_brought_too_is_one_event(
    client: httpx.AsyncClient, services: LoopbackServices, database: Database
) -> None:
    one = await stored(database)
    event_id = uuid4()
    sent = outcome(notification_id=one.id, delivery_id=one.deliveries[0].id, event_id=event_id)
    await PostgresOutcomeRecorder(database).record([sent])
    answer = await report(client, body(one, event_id=str(event_id)))
    assert answer.json()["data"]["event_id"] == str(event_id)
    assert (await report(client, body(one, status="complained"))).status_code == 202
    told = await read_with(client, services, one, "sent", "complained")
    assert told["status"] == "delivered"


async def test_says_what_contradicts_the_notification(
    client: httpx.AsyncClient, database: Database
) -> None:
    one, other = await stored(database), await stored(database)
    none = await stored(database, deliveries=())
    unknown = body(one, notification_id=public_notification_id(uuid4()))
    foreign = body(one, delivery_id=str(other.deliveries[0].id))
    for said in (unknown, foreign):
        answer = await report(client, said)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    for said, path, field in (
        (body(none), EMAIL_STATUS, "delivery_id"),
        (body(one), PUSH_STATUS, "notification_id"),
        (body(one, generation=1), EMAIL_STATUS, "generation"),
        (body(one, notification_id="notif_1"), EMAIL_STATUS, "notification_id"),
        (body(one, status="opened"), EMAIL_STATUS, "status"),
        (body(one, timestamp="2026-12-01T00:00:00"), EMAIL_STATUS, "timestamp"),
        (body(one, error="a\0b"), EMAIL_STATUS, "error"),
    ):
        answer = await report(client, said, path)
        assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
        assert [detail["field"] for detail in answer.json()["details"]] == [field]


@pytest.mark.parametrize("path", [EMAIL_STATUS, PUSH_STATUS])
async def test_nobody_but_services_may_report(
    client: httpx.AsyncClient, services: LoopbackServices, path: str
) -> None:
    said = body(notification())
    refused = {
        403: [
            services.api_key(*Scope),
            services.bearer(uuid4()),
            services.bearer(uuid4(), Role.ADMIN),
            {"X-Service-Token": CALLERS["template-service"]},
        ],
        401: [
            {"Accept": "*/*"},
            {"X-Service-Token": "email-service:wrong"},
            {"X-Service-Token": "mta:token"},
            {"X-Service-Token": "email-service:"},
        ],
    }
    for status, callers in refused.items():
        for headers in callers:
            answer = await report(client, said, path, headers)
            assert answer.status_code == status, headers
    for headers in (BY_EMAIL_SERVICE, BY_PUSH_SERVICE):
        assert (await report(client, said, path, headers)).status_code == 404


async def test_without_rabbitmq_the_reporter_is_asked_to_repeat(
    database_url: str,
    redis_url: str,
    services: LoopbackServices,
    unused_tcp_port: int,
    database: Database,
) -> None:
    one = await stored(database)
    async with running_gateway(
        database_url=database_url,
        redis_url=redis_url,
        amqp_url=f"amqp://u:p@127.0.0.1:{unused_tcp_port}/",
        services_url=services.url,
    ) as client:
        answer = await report(client, body(one))
    assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


async def test_without_postgres_the_reporter_is_asked_to_repeat(
    redis_url: str, amqp_url: str, services: LoopbackServices, unused_tcp_port: int
) -> None:
    async with running_gateway(
        database_url=f"postgresql+asyncpg://u:p@127.0.0.1:{unused_tcp_port}/d",
        redis_url=redis_url,
        amqp_url=amqp_url,
        services_url=services.url,
    ) as client:
        answer = await report(client, body(notification()))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


async def test_the_routes_are_documented_with_an_example_and_their_errors(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    for path in (EMAIL_STATUS, PUSH_STATUS):
        operation = document["paths"][path]["post"]
        assert {"202", "401", "403", "404", "422", "503"} <= set(operation["responses"])
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        example = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["example"]
        assert (await report(client, example, path)).status_code == 404

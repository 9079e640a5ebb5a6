"""`POST /api/v1/status/`, whole, but for the broker."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from contracts.outcome import DeliveryOutcome, OutcomeKind
from delivery.status_reports import router
from servicekit.app import create_app
from servicekit.authentication import Authenticator
from servicekit.errors import UnavailableError
from servicekit.metrics import Metrics

PATH = "/api/v1/status/"
BODY = {
    "notification_id": "notif_0193f1a07c1a7b1e9c553f1a2b4c5d6e",
    "delivery_id": "0193f1a0-7c1b-7d55-8f21-5b1f0c9e7a42",
    "status": "failed",
    "error": "mailbox full",
    "attempt": 2,
    "timestamp": "2026-12-01T12:00:00Z",
}


class FakePublisher:
    """Keeps what is published, or is away."""

    def __init__(self) -> None:
        self.outcomes: list[DeliveryOutcome] = []
        self.is_away = False

    async def __call__(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        if self.is_away:
            msg = "The broker does not take events now."
            raise UnavailableError(msg, retry_after=10)
        self.outcomes.extend(outcomes)


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
async def client(publisher: FakePublisher) -> AsyncIterator[httpx.AsyncClient]:
    @asynccontextmanager
    async def nothing_to_open(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(
        service="email-service",
        version="0",
        description="",
        routers=[router],
        checks={},
        metrics=Metrics(),
        lifespan=nothing_to_open,
        authenticate=Authenticator(service_tokens={"api-gateway": "a", "mta": "m"}),
        state={"publish_outcomes": publisher},
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


async def post(
    client: httpx.AsyncClient,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    shown = headers or {"X-Service-Token": "api-gateway:a", "X-Correlation-ID": "order-1"}
    return await client.post(PATH, json=body or BODY, headers=shown)


async def test_a_report_is_published_as_an_outcome(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    answer = await post(client)
    assert answer.status_code == 202
    (outcome,) = publisher.outcomes
    assert (outcome.kind, outcome.attempt, outcome.generation) == (OutcomeKind.FAILED, 2, 0)
    assert (outcome.detail, outcome.correlation_id) == ("mailbox full", "order-1")
    assert outcome.delivery_id == UUID(str(BODY["delivery_id"]))
    assert answer.json()["data"] == {
        "notification_id": BODY["notification_id"],
        "delivery_id": BODY["delivery_id"],
        "status": "failed",
        "event_id": str(outcome.event_id),
    }


async def test_a_repeated_report_is_the_same_event(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    await post(client)
    await post(client)
    assert len(publisher.outcomes) == 2
    assert len({outcome.event_id for outcome in publisher.outcomes}) == 1


async def test_is_asked_to_repeat_while_the_broker_is_away(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    publisher.is_away = True
    answer = await post(client)
    assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
    assert answer.headers["Retry-After"] == "10"


@pytest.mark.parametrize(("unfit", "code"), [("\0", "nul_character"), ("\ud800", "string_unicode")])
@pytest.mark.parametrize("field", ["reason", "error", "provider", "provider_message_id", "status"])
async def test_a_text_that_nothing_can_carry_is_refused_by_its_field(
    client: httpx.AsyncClient, publisher: FakePublisher, field: str, unfit: str, code: str
) -> None:
    headers = {"X-Service-Token": "api-gateway:a", "Content-Type": "application/json"}
    content = json.dumps({**BODY, field: f"a{unfit}"})
    answer = await client.post(PATH, content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [(one["field"], one["code"]) for one in answer.json()["details"]] == [(field, code)]
    assert publisher.outcomes == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"delivery_id": None}, "delivery_id"),
        ({"status": "opened"}, "status"),
        ({"generation": -1}, "generation"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_names_the_field_that_is_wrong(
    client: httpx.AsyncClient, publisher: FakePublisher, change: dict[str, Any], field: str
) -> None:
    answer = await post(client, {**BODY, **change})
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
    assert not publisher.outcomes


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Service-Token": "api-gateway:wrong"}, 401),
        ({"X-Service-Token": "push-service:a"}, 401),
        ({"X-Service-Token": "mta:m"}, 403),
        ({"X-API-Key": "some-key"}, 401),
        ({"Authorization": "Bearer some-token"}, 401),
        ({"Accept": "*/*"}, 401),
    ],
)
async def test_nobody_but_services_may_report(
    client: httpx.AsyncClient, publisher: FakePublisher, headers: dict[str, str], status: int
) -> None:
    assert (await post(client, headers=headers)).status_code == status
    assert not publisher.outcomes


async def test_the_route_is_documented_with_an_example_and_its_errors(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/api/v1/status"]["post"]
    assert {"202", "401", "403", "422", "503"} <= set(operation["responses"])
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    example = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["example"]
    assert (await post(client, example)).status_code == 202

"""`GET /api/v1/notifications…`: who sees what."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from gateway import PATH
from loopback_services import LoopbackServices
from samples import NOW, outcome, unused

from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.domain.identifiers import parse_notification_id
from contracts.access import Role, Scope
from contracts.outcome import OutcomeKind
from contracts.user_snapshot import UserSnapshot
from servicekit.database import Database


@pytest_asyncio.fixture
async def sent(client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]) -> str:
    """The id of a notification that `app_key` sent to `recipient`."""
    answer = await client.post(PATH, json=body, headers=app_key)
    public_id: str = answer.json()["data"]["notification_id"]
    return public_id


async def test_sender_recipient_and_admin_read_it_and_nobody_else(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    app_key: dict[str, str],
    recipient: UserSnapshot,
    sent: str,
) -> None:
    may = [
        app_key,
        services.bearer(recipient.user_id),
        services.bearer(uuid4(), Role.ADMIN),
        services.api_key(Scope.ADMIN),
    ]
    may_not = [services.api_key(Scope.NOTIFICATIONS_READ), services.bearer(uuid4())]
    for headers in may:
        for path in (f"{PATH}/{sent}", f"{PATH}/{sent}/"):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 200
            assert answer.json()["data"]["notification_id"] == sent
        rows = (await client.get(f"{PATH}?limit=100", headers=headers)).json()["data"]
        assert sent in {row["id"] for row in rows}
    for headers in may_not:
        answer = await client.get(f"{PATH}/{sent}", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
        rows = (await client.get(f"{PATH}?limit=100", headers=headers)).json()["data"]
        assert sent not in {row["id"] for row in rows}


@pytest.mark.parametrize("public_id", ["x", "notif_", f"notif_{'0' * 32}", "%00", "%ff", "%F0%9F"])
async def test_an_id_that_nothing_has_is_not_found(
    client: httpx.AsyncClient, app_key: dict[str, str], public_id: str
) -> None:
    answer = await client.get(f"{PATH}/{public_id}", headers=app_key)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_shows_no_address_and_what_was_asked(
    client: httpx.AsyncClient, app_key: dict[str, str], sent: str, body: dict[str, Any]
) -> None:
    answer = await client.get(f"{PATH}/{sent}", headers=app_key)
    data = answer.json()["data"]
    assert "john@example.com" not in answer.text
    [delivery] = data["deliveries"]
    assert delivery["recipient"] == "j***@example.com"
    assert (data["request_id"], data["template_code"]) == (
        body["request_id"],
        body["template_code"],
    )
    assert "variables" not in data


async def test_pages_of_a_list_have_their_place(
    client: httpx.AsyncClient, services: LoopbackServices, body: dict[str, Any]
) -> None:
    key = services.api_key(Scope.NOTIFICATIONS_SEND, Scope.NOTIFICATIONS_READ)
    ids = []
    for _ in range(3):
        asked = {**body, "request_id": unused("req")}
        answer = await client.post(PATH, json=asked, headers=key)
        ids.append(answer.json()["data"]["notification_id"])
    page = (await client.get(f"{PATH}?page=2&limit=2", headers=key)).json()
    assert [row["id"] for row in page["data"]] == ids[:1]
    assert page["meta"] == {
        "total": 3,
        "limit": 2,
        "page": 2,
        "total_pages": 2,
        "has_next": False,
        "has_previous": True,
        "next_cursor": None,
    }


async def test_a_user_sends_to_themselves_and_an_admin_to_anybody(
    client: httpx.AsyncClient,
    services: LoopbackServices,
    recipient: UserSnapshot,
    body: dict[str, Any],
) -> None:
    for headers in (
        services.bearer(recipient.user_id),
        services.bearer(uuid4(), Role.ADMIN),
        services.api_key(Scope.ADMIN),
    ):
        answer = await client.post(PATH, json=body, headers=headers)
        assert answer.status_code == 202
        assert "Idempotent-Replayed" not in answer.headers


async def test_a_timeline_tells_when_what_is_scheduled_will_be_sent(
    client: httpx.AsyncClient, app_key: dict[str, str], body: dict[str, Any]
) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    asked = {**body, "scheduled_at": later.isoformat()}
    answer = await client.post(PATH, json=asked, headers=app_key)
    public_id = answer.json()["data"]["notification_id"]
    data = (await client.get(f"{PATH}/{public_id}", headers=app_key)).json()["data"]
    assert (data["status"], data["deliveries"]) == ("scheduled", [])
    [event] = data["timeline"]
    assert (event["event"], event["status"]) == ("scheduled", "scheduled")
    assert datetime.fromisoformat(event["next_attempt_at"]) == later
    listed = (await client.get(PATH, params={"status": "scheduled"}, headers=app_key)).json()
    assert public_id in {row["id"] for row in listed["data"]}


async def test_a_timeline_is_told_in_order_with_attempt_provider_and_reason(
    client: httpx.AsyncClient, app_key: dict[str, str], sent: str, database: Database
) -> None:
    notification_id = parse_notification_id(sent)
    found = (await client.get(f"{PATH}/{sent}", headers=app_key)).json()["data"]
    delivery_id = UUID(found["deliveries"][0]["delivery_id"])
    due = NOW + timedelta(seconds=12)
    ids = {"notification_id": notification_id, "delivery_id": delivery_id}
    attempted = outcome(
        OutcomeKind.DELIVERY_ATTEMPTED, at=NOW, reason="smtp_451", next_attempt_at=due, **ids
    )
    arrived = outcome(
        OutcomeKind.SENT, at=due, attempt=2, provider_message_id="<1@example.com>", **ids
    )
    recorder = PostgresOutcomeRecorder(database)
    for event in (arrived, attempted):  # as they come
        assert await recorder.record([event]) == set()
    data = (await client.get(f"{PATH}/{sent}", headers=app_key)).json()["data"]
    assert data["status"] == "delivered"
    told = [one for one in data["timeline"] if one["event"] != "accepted"]
    assert [(one["event"], one["attempt"], one["status"]) for one in told] == [
        ("delivery_attempted", 1, "pending"),
        ("sent", 2, "delivered"),
    ]
    assert told[0]["reason"] == "smtp_451"
    assert datetime.fromisoformat(told[0]["next_attempt_at"]) == due
    assert (told[1]["provider"], told[1]["provider_message_id"]) == ("smtp", "<1@example.com>")

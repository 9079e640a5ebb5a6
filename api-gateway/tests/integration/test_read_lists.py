"""`GET /api/v1/notifications`: filters, and pages by number or by cursor."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from gateway import PATH
from loopback_services import LoopbackServices
from samples import notification, unused, user
from store_suite import put

from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.domain.identifiers import public_notification_id
from contracts.access import Role, Scope
from servicekit.database import Database

Read = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def reader(services: LoopbackServices) -> dict[str, str]:
    """An application that sent nothing yet."""
    return services.api_key(Scope.NOTIFICATIONS_SEND, Scope.NOTIFICATIONS_READ)


@pytest.fixture
def read(client: httpx.AsyncClient, reader: dict[str, str]) -> Read:
    async def read(headers: dict[str, str] = reader, **params: Any) -> httpx.Response:
        return await client.get(PATH, params=params, headers=headers)

    return read


@pytest_asyncio.fixture
async def sent(
    client: httpx.AsyncClient, reader: dict[str, str], body: dict[str, Any]
) -> list[str]:
    """Five notifications, newest first."""
    ids = []
    for _ in range(5):
        answer = await client.post(PATH, json={**body, "request_id": unused("req")}, headers=reader)
        ids.append(answer.json()["data"]["notification_id"])
    return ids[::-1]


async def test_a_walk_by_cursor_shows_each_once_to_its_end(read: Read, sent: list[str]) -> None:
    page = (await read(limit=2)).json()
    seen, places = [row["id"] for row in page["data"]], [(1, True)]
    while cursor := page["meta"]["next_cursor"]:
        page = (await read(limit=2, cursor=cursor)).json()
        seen += [row["id"] for row in page["data"]]
        places.append((page["meta"]["page"], page["meta"]["has_next"]))
        assert (page["meta"]["total"], page["meta"]["has_previous"]) == (5, True)
    assert seen == sent
    assert places == [(1, True), (2, True), (3, False)]


async def test_a_cursor_continues_a_page_that_was_asked_for_by_its_number(
    read: Read, sent: list[str]
) -> None:
    page = (await read(limit=2, page=2)).json()
    assert [row["id"] for row in page["data"]] == sent[2:4]
    rest = (await read(limit=2, cursor=page["meta"]["next_cursor"])).json()
    assert [row["id"] for row in rest["data"]] == sent[4:]


async def test_a_cursor_and_a_page_are_too_much(read: Read, sent: list[str]) -> None:
    cursor = (await read(limit=2)).json()["meta"]["next_cursor"]
    for page in (1, 2):
        answer = await read(cursor=cursor, page=page)
        assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
        assert [detail["field"] for detail in answer.json()["details"]] == ["cursor"]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "\x00", "ü", "." * 60, "A" * 55, "A" * 3000])
async def test_what_is_no_cursor_is_refused(read: Read, cursor: str) -> None:
    answer = await read(cursor=cursor)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == ["cursor"]


async def test_a_cursor_serves_neither_other_filters_nor_other_callers(
    read: Read, services: LoopbackServices, sent: list[str]
) -> None:
    cursor = (await read(limit=2)).json()["meta"]["next_cursor"]
    assert (await read(cursor=cursor, limit=5)).status_code == 200
    assert (await read(cursor=cursor, status="pending")).status_code == 422
    stranger = services.api_key(Scope.NOTIFICATIONS_READ)
    assert (await read(stranger, cursor=cursor)).status_code == 422


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "x"),
        ("status", "sent"),
        ("notification_type", "sms"),
        ("template_code", "\x00"),
        ("batch_id", "batch_x"),
        ("created_from", "yesterday"),
        ("created_from", "2026-12-01T12:00:00"),
        ("created_to", "1764590400"),
    ],
)
async def test_a_filter_that_cannot_be_is_refused_by_its_name(
    read: Read, field: str, value: str
) -> None:
    answer = await read(**{field: value})
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


async def test_times_have_to_be_in_order(read: Read) -> None:
    answer = await read(created_from="2026-12-01T12:00:00Z", created_to="2026-12-01T13:00:00+01:00")
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == ["created_to"]


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
        ("1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z"),
    ],
)
async def test_the_ends_of_time_are_times(
    read: Read, sent: list[str], begin: str, end: str
) -> None:
    page = (await read(created_from=begin, created_to=end)).json()
    assert [row["id"] for row in page["data"]] == sent


async def test_filters_say_which_are_shown(
    read: Read,
    database: Database,
    services: LoopbackServices,
) -> None:
    code, batch, admin = unused("code"), uuid4(), services.bearer(uuid4(), Role.ADMIN)
    addressee = services.has_user(user())
    store = PostgresNotificationStore(database)
    one = notification(template_code=code, batch_id=batch, user_id=addressee.user_id)
    other = notification(template_code=code)
    for stored in (one, other):
        await put(store, stored)

    async def ids(headers: dict[str, str] = admin, **params: Any) -> list[str]:
        answer = await read(headers, template_code=code, **params)
        assert answer.json()["meta"]["total"] == len(answer.json()["data"])
        return [row["id"] for row in answer.json()["data"]]

    mine, theirs = public_notification_id(one.id), public_notification_id(other.id)
    assert await ids() == [theirs, mine]
    assert await ids(batch_id=str(batch)) == await ids(batch_id=f"batch_{batch.hex}") == [mine]
    assert await ids(user_id=str(other.user_id), status="pending") == [theirs]
    assert await ids(notification_type="push") == []
    assert await ids(services.bearer(addressee.user_id)) == [mine]
    # What is somebody else's is not there.
    assert await ids(services.bearer(addressee.user_id), user_id=str(other.user_id)) == []
    assert await ids(services.api_key(Scope.NOTIFICATIONS_READ)) == []

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from running_app import RunningApp, shown_by
from samples import PASSWORD, email_digest, unused_email

from contracts.access import Scope
from contracts.cache_keys import suppression_key, user_key
from contracts.user_snapshot import UserSnapshot
from servicekit.versioned_cache import VersionedCache

PATH = "/api/v1/suppressions"


async def suppress(
    client: httpx.AsyncClient, headers: dict[str, str], email: str, **fields: Any
) -> dict[str, Any]:
    answer = await client.post(PATH, json={"email": email, **fields}, headers=headers)
    assert answer.status_code == 201, answer.text
    suppression: dict[str, Any] = answer.json()["data"]
    return suppression


async def snapshot_in_redis(redis: "Redis", user_id: str) -> UserSnapshot | None:
    cached = await VersionedCache(redis, UserSnapshot).get(user_key(user_id))  # type: ignore[arg-type]
    return None if cached is None else cached.value


async def test_a_suppression_is_in_force_when_it_is_answered_and_until_it_is_lifted(
    app: RunningApp, writer: dict[str, str], redis: "Redis"
) -> None:
    user = await app.create_user(writer)
    email = user["email"]
    digest = email_digest(email)
    added = await suppress(app.client, writer, email.upper())
    assert added["address_digest"] == digest
    assert (added["notification_type"], added["reason"]) == ("email", "manual")
    assert added["source"].startswith("application:")
    assert added["expires_at"] is None
    assert await redis.get(suppression_key(digest)) == "manual"
    held = await snapshot_in_redis(redis, user["id"])
    assert held is not None
    assert (held.version, held.email_suppressed) == (2, "manual")
    found = await app.client.get(PATH, params={"email": email.title()}, headers=writer)
    assert (found.json()["data"], found.json()["meta"]["total"]) == ([added], 1)

    lifted = await app.client.delete(PATH, params={"email": email.title()}, headers=writer)
    assert (lifted.status_code, lifted.json()["data"]) == (200, added)
    assert await redis.get(suppression_key(digest)) is None
    held = await snapshot_in_redis(redis, user["id"])
    assert held is not None
    assert (held.version, held.email_suppressed) == (3, None)
    found = await app.client.get(PATH, params={"email": email}, headers=writer)
    assert (found.json()["data"], found.json()["meta"]["total"]) == ([], 0)
    again = await app.client.delete(PATH, params={"digest": digest}, headers=writer)
    assert (again.status_code, again.json()["error"]) == (404, "not_found")
    # and can be suppressed once more
    assert (await suppress(app.client, writer, email))["created_at"] > added["created_at"]


async def test_a_suppression_belongs_to_the_address_and_not_to_the_user(
    app: RunningApp, writer: dict[str, str], redis: "Redis"
) -> None:
    email = unused_email()
    await suppress(app.client, writer, email, reason="hard_bounce")
    user = await app.create_user(writer, email=email.upper())
    path = f"/api/v1/users/{user['id']}"

    async def state() -> str | None:
        held = await snapshot_in_redis(redis, user["id"])
        assert held is not None
        answer = await app.client.get(f"{path}/snapshot", headers=shown_by("api-gateway"))
        assert UserSnapshot.model_validate(answer.json()["data"]) == held
        return held.email_suppressed

    assert await state() == "hard_bounce"
    await app.client.patch(path, json={"name": "New"}, headers=writer)
    assert await state() == "hard_bounce"
    await app.client.patch(path, json={"email": unused_email()}, headers=writer)
    assert await state() is None
    await app.client.patch(path, json={"email": email}, headers=writer)
    assert await state() == "hard_bounce"


async def test_it_ends_when_it_expires(
    app: RunningApp, writer: dict[str, str], redis: "Redis"
) -> None:
    email = unused_email()
    expires_at = datetime.now(UTC) + timedelta(seconds=1.5)
    added = await suppress(app.client, writer, email, expires_at=expires_at.isoformat())
    assert datetime.fromisoformat(added["expires_at"]) == expires_at
    assert 0 < await redis.pttl(suppression_key(added["address_digest"])) <= 1500
    await asyncio.sleep(1.6)
    found = await app.client.get(PATH, params={"email": email}, headers=writer)
    assert found.json()["data"] == []
    assert await redis.get(suppression_key(added["address_digest"])) is None


async def test_a_weaker_reason_changes_nothing_and_a_later_expiry_counts(
    app: RunningApp, writer: dict[str, str]
) -> None:
    email = unused_email()
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    sooner = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    first = await suppress(app.client, writer, email, reason="complaint", expires_at=sooner)
    second = await suppress(app.client, writer, email, reason="hard_bounce", expires_at=later)
    assert {**second, "expires_at": None} == {**first, "expires_at": None}
    assert datetime.fromisoformat(second["expires_at"]) == datetime.fromisoformat(later)
    third = await suppress(app.client, writer, email, reason="hard_bounce")
    assert (third["reason"], third["expires_at"]) == ("complaint", None)


async def test_lists_page_by_page_newest_first_without_addresses(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    emails = [unused_email() for _ in range(3)]
    added = [await suppress(client, writer, email) for email in emails]
    listed: list[dict[str, Any]] = []
    page, has_next = 1, True
    while has_next:
        answer = await client.get(PATH, params={"limit": 100, "page": page}, headers=writer)
        listed += answer.json()["data"]
        page, has_next = page + 1, answer.json()["meta"]["has_next"]
        assert not any(email in answer.text for email in emails)
    assert len(listed) == answer.json()["meta"]["total"]
    assert [one for one in listed if one in added] == added[::-1]
    limited = await client.get(PATH, params={"limit": 2, "page": 2}, headers=writer)
    assert limited.json()["data"] == listed[2:4]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": None}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a\0@example.com"}, "email"),
        ({"reason": "boredom"}, "reason"),
        ({"reason": None}, "reason"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2100-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"source": "me"}, "source"),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, writer: dict[str, str], wrong: dict[str, Any], field: str
) -> None:
    email = unused_email()
    answer = await client.post(PATH, json={"email": email, **wrong}, headers=writer)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
    found = await client.get(PATH, params={"email": email}, headers=writer)
    assert found.json()["data"] == []


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("GET", {"email": "nobody"}, "email"),
        ("GET", {"page": 0}, "page"),
        ("DELETE", {"email": "nobody"}, "email"),
        ("DELETE", {"email": "a@example.com", "digest": "0" * 64}, "email"),
        ("DELETE", {}, "email"),
        ("DELETE", {"digest": "0" * 63}, "digest"),
        ("DELETE", {"digest": "0" * 64 + "\n"}, "digest"),
        ("DELETE", {"digest": "G" * 64}, "digest"),
    ],
)
async def test_a_wrong_parameter_is_named(
    client: httpx.AsyncClient,
    writer: dict[str, str],
    method: str,
    params: dict[str, Any],
    field: str,
) -> None:
    answer = await client.request(method, PATH, params=params, headers=writer)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


async def test_who_may_look_and_who_may_change(
    app: RunningApp, admin: dict[str, str], writer: dict[str, str]
) -> None:
    email = unused_email()
    user = await app.create_user(writer)
    themselves = await app.sign_in(user["email"], PASSWORD)
    reader = await app.create_key(admin, Scope.USERS_READ)
    outsider = await app.create_key(admin, Scope.NOTIFICATIONS_SEND)
    for headers, status, may_look, may_change in (
        ({}, 401, False, False),
        (shown_by("email-service"), 403, False, False),
        (themselves, 403, False, False),
        (outsider, 403, False, False),
        (reader, 403, True, False),
        (writer, 403, True, True),
        (admin, 403, True, True),
    ):
        look = await app.client.get(PATH, headers=headers)
        assert look.status_code == (200 if may_look else status)
        add = await app.client.post(PATH, json={"email": email}, headers=headers)
        assert add.status_code == (201 if may_change else status)
        end = await app.client.delete(PATH, params={"email": email}, headers=headers)
        assert end.status_code == (200 if may_change else status)

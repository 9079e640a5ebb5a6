import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis
from running_app import RunningApp, shown_by
from sqlalchemy import Text, cast, func, select

from contracts.access import ApiKeyRecord, Scope
from contracts.cache_keys import api_key_key
from servicekit.authentication import digest_of
from servicekit.database import Database
from servicekit.versioned_cache import VersionedCache
from user_service.adapters.tables import api_keys

PATH = "/api/v1/api-keys"


async def test_a_key_is_shown_once_and_its_digest_kept(
    client: httpx.AsyncClient, admin: dict[str, str], redis: "Redis", database: Database
) -> None:
    body = {"name": "shop", "scopes": ["users:read", "templates:read"]}
    answer = await client.post(PATH, json={**body, "rate_limit_per_minute": 60}, headers=admin)
    assert answer.status_code == 201
    created = answer.json()["data"]
    key = created.pop("key")
    assert key.startswith("nk_live_")
    assert len(key) == len("nk_live_") + 43
    assert key.startswith(created["prefix"])
    assert created["scopes"] == ["templates:read", "users:read"]
    assert created["rate_limit_per_minute"] == 60
    assert created["created_by"].startswith("user:")
    listed = await client.get(PATH, params={"limit": 100}, headers=admin)
    assert created in listed.json()["data"]
    assert key not in listed.text
    cached = await VersionedCache(redis, ApiKeyRecord).get(api_key_key(digest_of(key)))
    found = await client.get(f"{PATH}/by-digest/{digest_of(key)}", headers=shown_by("api-gateway"))
    assert cached is not None
    assert ApiKeyRecord.model_validate(found.json()["data"]) == cached.value
    row = func.count().filter(cast(api_keys.table_valued(), Text).contains(key))
    async with database.transaction() as connection:
        assert (await connection.execute(select(row).select_from(api_keys))).scalar_one() == 0


async def test_a_revoked_key_opens_nothing_any_more(
    app: RunningApp, admin: dict[str, str], redis: "Redis"
) -> None:
    headers = await app.create_key(admin, Scope.USERS_READ)
    assert (await app.client.get("/api/v1/users", headers=headers)).status_code == 200
    digest = digest_of(headers["X-API-Key"])
    by_digest = f"{PATH}/by-digest/{digest}"
    record = (await app.client.get(by_digest, headers=shown_by("template-service"))).json()["data"]
    for _ in range(2):
        revoked = await app.client.delete(f"{PATH}/{record['id']}", headers=admin)
        assert revoked.status_code == 200
        assert revoked.json()["data"]["is_active"] is False
    cached = await VersionedCache(redis, ApiKeyRecord).get(api_key_key(digest))
    assert cached is not None
    assert (cached.value.is_active, cached.value.version) == (False, 2)
    assert (await app.client.get("/api/v1/users", headers=headers)).status_code == 401
    found = await app.client.get(by_digest, headers=shown_by("template-service"))
    assert found.json()["data"]["is_active"] is False


@pytest.mark.parametrize("key_id", [str(uuid4()), "not-a-uuid"])
async def test_an_unknown_key_is_not_found(
    client: httpx.AsyncClient, admin: dict[str, str], key_id: str
) -> None:
    answer = await client.delete(f"{PATH}/{key_id}", headers=admin)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("digest", ["0" * 64, "x", "A" * 64])
async def test_an_unknown_digest_is_not_found(client: httpx.AsyncClient, digest: str) -> None:
    answer = await client.get(f"{PATH}/by-digest/{digest}", headers=shown_by("template-service"))
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": "admin"}, "scopes"),
        ({"name": ""}, "name"),
        ({"rate_limit_per_minute": "60"}, "rate_limit_per_minute"),
        ({"rate_limit_per_minute": 0}, "rate_limit_per_minute"),
        ({"rate_limit_per_minute": 10**12}, "rate_limit_per_minute"),
        ({"digest": "x"}, "digest"),
        ({"is_active": True}, "is_active"),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, admin: dict[str, str], wrong: dict[str, object], field: str
) -> None:
    body = {"name": "shop", "scopes": ["users:read"], **wrong}
    answer = await client.post(PATH, json=body, headers=admin)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    [detail] = answer.json()["details"]
    assert detail["field"].partition(".")[0] == field


async def test_a_rotated_key_goes_on_for_its_overlap_and_stays_the_same_application(
    app: RunningApp, admin: dict[str, str], redis: "Redis"
) -> None:
    first = await app.create_key(admin, Scope.USERS_READ)
    listed = (await app.client.get(PATH, headers=admin)).json()["data"][0]
    path = f"{PATH}/{listed['id']}/rotate"
    rotated = await app.client.post(path, json={"overlap_seconds": 60}, headers=admin)
    assert rotated.status_code == 200
    assert rotated.headers["Cache-Control"] == "no-store"
    shown = rotated.json()["data"]
    second = {"X-API-Key": shown["key"]}
    assert (shown["id"], shown["scopes"]) == (listed["id"], listed["scopes"])
    ends = datetime.fromisoformat(shown["previous_expires_at"])
    assert timedelta(seconds=50) < ends - datetime.now(UTC) <= timedelta(seconds=60)
    for headers in (first, second):
        assert (await app.client.get("/api/v1/users", headers=headers)).status_code == 200
    cache = VersionedCache(redis, ApiKeyRecord)
    cached = await cache.get(api_key_key(digest_of(first["X-API-Key"])))
    assert cached is not None
    assert (cached.value.is_active, cached.value.expires_at) == (True, ends)
    current = await cache.get(api_key_key(digest_of(shown["key"])))
    assert current is not None
    assert (current.value.id, current.value.expires_at) == (cached.value.id, None)

    again = await app.client.post(path, json={"overlap_seconds": 0}, headers=admin)
    third = {"X-API-Key": again.json()["data"]["key"]}
    for headers, status in ((first, 401), (second, 401), (third, 200)):
        assert (await app.client.get("/api/v1/users", headers=headers)).status_code == status
    forgotten = await cache.get(api_key_key(digest_of(first["X-API-Key"])))
    assert forgotten is not None
    assert forgotten.value.is_active is False

    await app.client.delete(f"{PATH}/{listed['id']}", headers=admin)
    assert (await app.client.get("/api/v1/users", headers=third)).status_code == 401
    refused = await app.client.post(path, json={}, headers=admin)
    assert (refused.status_code, refused.json()["error"]) == (409, "conflict")


async def test_revoking_ends_the_former_key_too(app: RunningApp, admin: dict[str, str]) -> None:
    first = await app.create_key(admin, Scope.USERS_READ)
    key_id = (await app.client.get(PATH, headers=admin)).json()["data"][0]["id"]
    rotated = await app.client.post(f"{PATH}/{key_id}/rotate", json={}, headers=admin)
    second = {"X-API-Key": rotated.json()["data"]["key"]}
    await app.client.delete(f"{PATH}/{key_id}", headers=admin)
    for headers in (first, second):
        assert (await app.client.get("/api/v1/users", headers=headers)).status_code == 401


async def test_a_key_ends_by_itself(app: RunningApp, admin: dict[str, str]) -> None:
    body = {"name": "soon", "scopes": ["users:read"]}
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    created = await app.client.post(PATH, json={**body, "expires_at": soon}, headers=admin)
    assert created.status_code == 201
    headers = {"X-API-Key": created.json()["data"]["key"]}
    assert (await app.client.get("/api/v1/users", headers=headers)).status_code == 200
    await asyncio.sleep(1.1)
    assert (await app.client.get("/api/v1/users", headers=headers)).status_code == 401
    path = f"{PATH}/{created.json()['data']['id']}/rotate"
    assert (await app.client.post(path, json={}, headers=admin)).status_code == 409
    past = await app.client.post(
        PATH, json={**body, "expires_at": "2020-01-01T00:00:00Z"}, headers=admin
    )
    assert (past.status_code, past.json()["details"][0]["field"]) == (422, "expires_at")


@pytest.mark.parametrize("key_id", [str(uuid4()), "not-a-uuid"])
async def test_what_is_not_there_cannot_be_rotated(
    client: httpx.AsyncClient, admin: dict[str, str], key_id: str
) -> None:
    answer = await client.post(f"{PATH}/{key_id}/rotate", json={}, headers=admin)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")

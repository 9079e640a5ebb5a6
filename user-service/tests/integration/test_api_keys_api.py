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

"""An API key opens what it opens until it is revoked, rotated or over; then nothing any more."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.addresses import ADMIN_EMAIL
from devstack.stack import Stack
from devstack.system_client import SystemClient

KEYS = 50
IN_FORCE_SECONDS = 2.0


class Administrator:
    """Makes and ends keys through the gateway's door, and tries what they open there."""

    def __init__(self, system: SystemClient, token: str) -> None:
        self._http = system.http
        self._api = f"{system.urls.gateway}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = await self._http.request(
            method,
            f"{self._api}/api-keys{path}",
            json=body if method == "POST" else None,
            headers=self._headers,
        )
        assert answer.status_code in {200, 201}, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def create(self, **body: Any) -> dict[str, Any]:
        return await self.call("POST", "", name="e2e", scopes=["notifications:read"], **body)

    async def status_with(self, key: str) -> int:
        answer = await self._http.get(
            f"{self._api}/notifications?limit=1", headers={"X-API-Key": key}
        )
        return answer.status_code


@pytest.fixture
async def administrator(stack: Stack, system: SystemClient) -> Administrator:
    answer = await system.http.post(
        f"{system.urls.gateway}/api/v1/auth/login",
        json={"email": ADMIN_EMAIL, "password": stack.secrets.admin_password},
    )
    return Administrator(system, answer.json()["data"]["token"])


async def test_a_revoked_key_opens_nothing_two_seconds_later(administrator: Administrator) -> None:
    """50 keys, each used a moment before, so that every cache knows it."""
    keys = [await administrator.create() for _ in range(KEYS)]
    for key in keys:
        assert await administrator.status_with(key["key"]) == 200
    revoked_at = []
    for key in keys:
        assert await administrator.status_with(key["key"]) == 200
        await administrator.call("DELETE", f"/{key['id']}")
        revoked_at.append(asyncio.get_running_loop().time())
    for key, at in zip(keys, revoked_at, strict=True):
        await asyncio.sleep(max(0.0, at + IN_FORCE_SECONDS - asyncio.get_running_loop().time()))
        assert await administrator.status_with(key["key"]) == 401


async def test_a_rotated_key_overlaps_with_its_next_one(administrator: Administrator) -> None:
    first = await administrator.create()
    assert await administrator.status_with(first["key"]) == 200
    second = await administrator.call("POST", f"/{first['id']}/rotate", overlap_seconds=4)
    assert second["id"] == first["id"]
    await asyncio.sleep(IN_FORCE_SECONDS)
    for key in (first, second):
        assert await administrator.status_with(key["key"]) == 200
    await asyncio.sleep(IN_FORCE_SECONDS + 0.5)
    assert await administrator.status_with(first["key"]) == 401
    assert await administrator.status_with(second["key"]) == 200


async def test_a_key_that_ends_by_itself_needs_nobody_to_say_so(
    administrator: Administrator,
) -> None:
    end = datetime.now(UTC) + timedelta(seconds=2)
    key = await administrator.create(expires_at=end.isoformat())
    assert await administrator.status_with(key["key"]) == 200
    await asyncio.sleep((end - datetime.now(UTC)).total_seconds() + 0.1)
    assert await administrator.status_with(key["key"]) == 401

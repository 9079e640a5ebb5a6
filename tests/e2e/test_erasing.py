"""What a notification says about its recipient is gone from the database when it has ended."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from devstack.stack import Stack
from devstack.system_client import SystemClient

SECONDS = 30.0
REFUSED = [{"action": "refuse", "status": 550, "stage": "rcpt", "times": 1}]

Held = Callable[[], Awaitable[set[str]]]


@pytest.fixture
def canary() -> str:
    return f"canary{uuid4().hex}"


@pytest.fixture
async def where_it_is(stack: Stack, canary: str) -> AsyncIterator[Held]:
    """The tables of the gateway's database that hold the canary, in text or in bytes."""
    connection = await asyncpg.connect(
        stack.addresses.notifications_database_url.replace("+asyncpg", "")
    )

    async def where_it_is() -> set[str]:
        tables = await connection.fetch(
            "SELECT relname FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return {
            table["relname"]
            for table in tables
            if await connection.fetchval(
                f"SELECT count(*) FROM {table['relname']} AS one "  # noqa: S608
                "WHERE one::text LIKE $1 OR one::text LIKE $2",
                f"%{canary}%",
                f"%{canary.encode().hex()}%",
            )
        }

    yield where_it_is
    await connection.close()


@pytest.fixture
def saying(welcome: dict[str, Any], canary: str) -> dict[str, Any]:
    return {**welcome, "variables": {**welcome["variables"], "name": canary}}


async def nowhere(where_it_is: Held) -> bool:
    """The outbox row goes a moment after its message."""
    deadline = time.monotonic() + SECONDS
    while True:
        if not await where_it_is():
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)


async def letter_of(system: SystemClient, notification_id: str) -> str:
    url = f"{system.urls.gateway}/api/v1/admin/dead-letters"
    async with asyncio.timeout(SECONDS):
        while True:
            answer = await system.request("GET", f"{url}?template_code=welcome_email&limit=100")
            for letter in answer.json()["data"]:
                if letter["notification_id"] == notification_id:
                    return str(letter["id"])
            await asyncio.sleep(0.1)


async def close(system: SystemClient, letter_id: str, action: str) -> None:
    url = f"{system.urls.gateway}/api/v1/admin/dead-letters/{letter_id}/{action}"
    assert (await system.request("POST", url)).status_code == 200


async def test_what_was_delivered_is_in_the_inbox_and_nowhere_else(
    system: SystemClient,
    user: dict[str, Any],
    saying: dict[str, Any],
    canary: str,
    where_it_is: Held,
) -> None:
    notification_id = await system.send(saying)
    assert (await system.finished(notification_id, SECONDS))["status"] == "delivered"
    [mail] = await system.mails_to(user["email"])
    assert canary in (await system.mail(mail["ID"]))["Text"]
    assert await nowhere(where_it_is)


async def test_what_was_refused_is_replayed_whole_and_gone_then(
    system: SystemClient,
    user: dict[str, Any],
    saying: dict[str, Any],
    canary: str,
    where_it_is: Held,
) -> None:
    await system.set_failures("smtp", REFUSED)
    notification_id = await system.send(saying)
    assert (await system.finished(notification_id, SECONDS))["status"] == "failed"
    letter_id = await letter_of(system, notification_id)
    held = await where_it_is()
    assert "dead_letters" in held
    assert any(table.startswith("notifications_") for table in held)
    await close(system, letter_id, "replay")
    assert (await system.finished(notification_id, SECONDS))["status"] == "delivered"
    [mail] = await system.mails_to(user["email"])
    assert canary in (await system.mail(mail["ID"]))["Text"]
    assert await nowhere(where_it_is)


async def test_what_was_discarded_is_gone(
    system: SystemClient, saying: dict[str, Any], where_it_is: Held
) -> None:
    await system.set_failures("smtp", REFUSED)
    notification_id = await system.send(saying)
    assert (await system.finished(notification_id, SECONDS))["status"] == "failed"
    await close(system, await letter_of(system, notification_id), "discard")
    assert await nowhere(where_it_is)

"""Many at once, and later: through the whole system to the inbox."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from devstack.system_client import SystemClient

SECONDS = 30


async def call(system: SystemClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = await system.request(method, f"{system.urls.gateway}/api/v1{path}", body)
    assert answer.status_code in {200, 202}, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_a_batch_arrives_and_tells_how_it_goes(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    items = [{**welcome, "request_id": f"{welcome['request_id']}-{n}"} for n in range(20)]
    items.append({**items[0], "request_id": uuid4().hex, "user_id": str(uuid4())})
    sent = await call(system, "POST", "/notifications/batch", {"notifications": items})
    assert (sent["accepted"], sent["rejected"]) == (20, 1)
    async with asyncio.timeout(SECONDS):
        while True:
            batch = await call(system, "GET", f"/batches/{sent['batch_id']}")
            if batch["status"] != "processing":
                break
            await asyncio.sleep(0.2)
    assert (batch["status"], batch["counts"]) == ("partially_failed", {"delivered": 20})
    again = await call(system, "POST", "/notifications/batch", {"notifications": items})
    assert (again["accepted"], again["replayed"], again["rejected"]) == (0, 20, 1)
    assert len(await system.mails_to(user["email"])) == 20


async def test_what_is_scheduled_is_sent_at_its_time_to_the_address_of_that_time(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    at = datetime.now(UTC) + timedelta(seconds=3)
    notification_id = await system.send({**welcome, "scheduled_at": at.isoformat()})
    address = f"moved.{uuid4().hex[:12]}@example.com"
    await system.update_user(user["user_id"], email=address)
    sent = await system.finished(notification_id, SECONDS)
    assert sent["status"] == "delivered"
    assert [event["event"] for event in sent["timeline"]] == ["scheduled", "released", "sent"]
    released, delivered = (datetime.fromisoformat(each["at"]) for each in sent["timeline"][1:])
    assert at <= released <= at + timedelta(seconds=2)
    assert released <= delivered
    assert len(await system.mails_to(address)) == 1
    assert await system.mails_to(user["email"]) == []


async def test_what_is_cancelled_is_never_sent(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    at = datetime.now(UTC) + timedelta(seconds=2)
    notification_id = await system.send({**welcome, "scheduled_at": at.isoformat()})
    cancelled = await call(system, "DELETE", f"/notifications/{notification_id}")
    assert cancelled["status"] == "cancelled"
    await asyncio.sleep(4)  # past its time, and the relay's next look
    assert (await system.notification(notification_id))["status"] == "cancelled"
    assert await system.mails_to(user["email"]) == []

"""What a service reports by HTTP stands in the history beside what the queues brought."""

import asyncio
from typing import Any

import pytest

from devstack.stack import Stack
from devstack.system_client import SystemClient
from servicekit.http_client import HttpResponse

SECONDS = 30


async def post(system: SystemClient, url: str, token: str, body: dict[str, Any]) -> HttpResponse:
    return await system.http.post(url, json=body, headers={"X-Service-Token": token})


async def told(system: SystemClient, notification_id: str, events: list[str]) -> dict[str, Any]:
    """The notification, as soon as its timeline has these events."""
    async with asyncio.timeout(SECONDS):
        while True:
            notification = await system.notification(notification_id)
            if sorted(event["event"] for event in notification["timeline"]) == sorted(events):
                return notification
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("channel", ["email", "push"])
async def test_a_status_comes_by_the_gateway_and_by_the_worker_and_counts_once(
    stack: Stack, system: SystemClient, welcome: dict[str, Any], channel: str
) -> None:
    sent = await system.finished(
        await system.send({**welcome, "notification_type": channel}), SECONDS
    )
    notification_id = sent["notification_id"]
    [delivery] = sent["deliveries"]
    worker = f"{channel}-service"
    tokens = stack.secrets.service_tokens
    by_gateway = stack.addresses.url("api-gateway") + f"/api/v1/{channel}/status"
    by_worker = stack.addresses.url(worker) + "/api/v1/status/"

    late_failure = {"notification_id": notification_id, "status": "failed", "error": "gave up"}
    answer = await post(system, by_gateway, f"{worker}:{tokens[worker]}", late_failure)
    assert answer.status_code == 202
    notification = await told(system, notification_id, ["accepted", "sent", "failed"])
    assert notification["status"] == "delivered"

    bounced = {
        "notification_id": notification_id,
        "delivery_id": delivery["delivery_id"],
        "status": "bounced",
        "reason": "mailbox_gone",
        "timestamp": notification["timeline"][-1]["at"],
    }
    ids = set()
    for url, caller in ((by_gateway, worker), (by_worker, "api-gateway")):
        answer = await post(system, url, f"{caller}:{tokens[caller]}", bounced)
        assert answer.status_code == 202
        ids.add(answer.json()["data"]["event_id"])
    assert len(ids) == 1
    notification = await told(system, notification_id, ["accepted", "sent", "failed", "bounced"])
    assert (notification["status"], notification["reason"]) == ("bounced", "mailbox_gone")

    for url in (by_gateway, by_worker):
        assert (await system.request("POST", url, bounced)).status_code in {401, 403}

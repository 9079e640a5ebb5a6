"""A worker that dies takes nothing with it."""

import asyncio
from collections import Counter
from typing import Any

from devstack.stack import Stack
from devstack.system_client import SystemClient

NOTIFICATIONS = 200
IN_FLIGHT = 32
"""The worker's default concurrency: so many sends one crash can interrupt."""


async def test_a_worker_killed_while_200_notifications_flow_loses_none(
    stack: Stack, system: SystemClient, welcome: dict[str, Any]
) -> None:
    await system.set_failures("smtp", [{"action": "delay", "delay_seconds": 0.3}])
    worker = stack.services["email-service"]
    restarts = worker.restarts

    async def send(number: int) -> str:
        await asyncio.sleep(number * 0.02)
        body = {**welcome, "request_id": f"{welcome['request_id']}-{number}"}
        return await system.send(body)

    sending = [asyncio.create_task(send(number)) for number in range(NOTIFICATIONS)]
    await asyncio.sleep(2)
    worker.kill()
    ids = await asyncio.gather(*sending)
    notifications = await asyncio.gather(*(system.finished(item, 90) for item in ids))

    assert worker.restarts == restarts + 1
    assert Counter(item["status"] for item in notifications) == {"delivered": NOTIFICATIONS}
    handed_over = Counter(
        entry["notification_id"]
        for entry in await system.handed_over("email")
        if entry["accepted"] and entry["notification_id"] in set(ids)
    )
    assert set(handed_over) == set(ids)
    assert handed_over.total() - NOTIFICATIONS <= IN_FLIGHT

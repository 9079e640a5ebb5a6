"""A 202 does not need the broker; what was accepted meanwhile is sent once it is back."""

import asyncio
import time
from typing import Any

from devstack.stack import Stack
from devstack.system_client import SystemClient


async def test_with_rabbitmq_stopped_a_notification_is_accepted_and_sent_later(
    stack: Stack, system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    await stack.servers.rabbitmq.stop()
    notification_id = await system.send(welcome)
    assert (await system.notification(notification_id))["status"] == "pending"
    await stack.servers.rabbitmq.start()
    notification = await system.finished(notification_id, 60)
    assert notification["status"] == "delivered"
    assert len(await system.mails_to(user["email"])) == 1


async def test_with_rabbitmq_frozen_twenty_requests_are_answered_within_five_seconds(
    stack: Stack, system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    stack.servers.rabbitmq.freeze()
    started = time.monotonic()
    ids = await asyncio.gather(
        *(
            system.send({**welcome, "request_id": f"{welcome['request_id']}-{number}"})
            for number in range(20)
        )
    )
    assert time.monotonic() - started < 5
    await asyncio.sleep(8)  # the relay's own publishes run into their deadline too
    stack.servers.rabbitmq.thaw()
    notifications = await asyncio.gather(*(system.finished(item, 90) for item in ids))
    assert {item["status"] for item in notifications} == {"delivered"}
    await asyncio.sleep(5)  # copies whose confirm was lost come after the first ones
    assert len(await system.mails_to(user["email"])) == 20

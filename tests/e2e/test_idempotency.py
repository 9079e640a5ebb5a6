"""Repeating a request sends nothing more, whatever is in the way."""

import asyncio
from typing import Any

from contracts.names import LANES, RETRY_QUEUES
from devstack.queues import queues_are_empty
from devstack.stack import Stack
from devstack.system_client import SystemClient
from servicekit.redis import create_redis


async def test_fifty_equal_requests_at_once_make_one_notification_and_one_mail(
    stack: Stack, system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    answers = await asyncio.gather(*(system.post_notification(welcome) for _ in range(50)))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {202, 409}
    ids = {a.json()["data"]["notification_id"] for a in answers if a.status_code == 202}
    assert len(ids) == 1
    await system.finished(ids.pop(), 30)
    await queues_are_empty(stack.addresses.amqp_url, (*LANES, *RETRY_QUEUES), seconds=30)
    await asyncio.sleep(10)  # a second copy would still be on its way, if there was one
    assert len(await system.mails_to(user["email"])) == 1


async def test_a_repeated_request_is_answered_as_the_first_one_was(
    system: SystemClient, welcome: dict[str, Any]
) -> None:
    first = await system.post_notification(welcome)
    second = await system.post_notification(welcome)
    assert second.status_code == first.status_code == 202
    assert second.json()["data"] == first.json()["data"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


async def test_a_request_id_cannot_be_used_for_something_else(
    system: SystemClient, welcome: dict[str, Any]
) -> None:
    await system.send(welcome)
    answer = await system.post_notification({**welcome, "priority": 9})
    assert answer.status_code == 422
    assert answer.json()["error"] == "idempotency_key_reused"


async def test_redis_flushed_between_equal_requests_still_sends_one_mail(
    stack: Stack, system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    first = await system.send(welcome)
    await system.finished(first, 30)
    redis = create_redis(stack.addresses.redis_url, name="e2e")
    await redis.flushall()
    await redis.aclose()
    assert await system.send(welcome) == first
    await asyncio.sleep(3)
    assert len(await system.mails_to(user["email"])) == 1


async def test_without_redis_requests_are_accepted_and_none_twice(
    stack: Stack, system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    first = await system.send(welcome)
    await system.finished(first, 30)
    await stack.servers.redis.stop()
    assert await system.send(welcome) == first
    await stack.servers.redis.start()
    await asyncio.sleep(3)
    assert len(await system.mails_to(user["email"])) == 1


async def test_the_idempotency_key_header_is_a_request_id_as_well(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    key = welcome.pop("request_id")
    url = f"{system.urls.gateway}/api/v1/notifications"
    headers = {"X-API-Key": system.api_key, "Idempotency-Key": f'"{key}"'}
    first = await system.http.post(url, json=welcome, headers=headers)
    second = await system.http.post(url, json=welcome, headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["data"] == second.json()["data"]
    different = await system.http.post(url, json={**welcome, "request_id": "x"}, headers=headers)
    assert different.status_code == 400
    await system.finished(first.json()["data"]["notification_id"], 30)
    assert len(await system.mails_to(user["email"])) == 1

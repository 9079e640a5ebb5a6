"""What a user does not want is not sent, from the moment in which their choice was answered."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from devstack.system_client import SystemClient

TIMES = 200
WITHIN_SECONDS = 0.05
IN_FORCE_SECONDS = 2.5


class Person:
    """A user with their preferences, and what is sent to them."""

    def __init__(self, system: SystemClient, user: dict[str, Any]) -> None:
        self._system = system
        self.email: str = user["email"]
        self.id: str = user["user_id"]
        self._url = f"{system.urls.user_service}/api/v1/users/{self.id}/preferences"

    async def choose(self, **changes: Any) -> None:
        answer = await self._system.request("PATCH", self._url, changes)
        assert answer.status_code == 200, answer.text

    async def send(self, template_code: str) -> dict[str, Any]:
        """The answer's body."""
        answer = await self._system.post_notification(
            {
                "notification_type": "email",
                "user_id": self.id,
                "template_code": template_code,
                "request_id": f"req-{uuid4().hex}",
            }
        )
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
def person(system: SystemClient, user: dict[str, Any]) -> Person:
    return Person(system, user)


async def template_about(system: SystemClient, category: str) -> str:
    code = f"about_{category}_{uuid4().hex[:8]}"
    await system.create_template(
        {"code": code, "category": category, "subject": category, "body": "<p>Hello</p>"}
    )
    return code


async def test_nothing_is_sent_after_an_opt_out_was_answered(
    system: SystemClient, person: Person
) -> None:
    """200 times, with both caches warm, a request within 50 ms of the opt-out's answer."""
    code = await template_about(system, "marketing")
    wanted = [(await person.send(code))["data"]["notification_id"]]  # the caches are warm now
    unwanted, asked = [], []
    for _ in range(TIMES):
        await person.choose(categories={"marketing": {"email": False}})
        answered = time.monotonic()
        asked.append(time.monotonic() - answered)
        body = await person.send(code)
        assert (body["success"], body["error"]) == (False, "category_opted_out")
        unwanted.append(body["data"]["notification_id"])
        await person.choose(categories={"marketing": {"email": True}})
        body = await person.send(code)
        assert body["success"] is True
        wanted.append(body["data"]["notification_id"])
    assert max(asked) < WITHIN_SECONDS
    for notification_id in unwanted:
        notification = await system.notification(notification_id)
        assert notification["status"] == "suppressed"
        assert notification["reason"] == "category_opted_out"
        assert notification["deliveries"] == []
    for notification_id in wanted:
        assert (await system.finished(notification_id, 60))["status"] == "delivered"
    await asyncio.sleep(1)
    assert len(await system.mails_to(person.email)) == len(wanted)


async def test_who_wants_no_mail_still_gets_what_they_cannot_do_without(
    system: SystemClient, person: Person
) -> None:
    order = await template_about(system, "order")
    alert = await template_about(system, "security_alert")
    await person.choose(email=False)
    assert (await person.send(order))["error"] == "notification_preference_disabled"
    sent = await person.send(alert)
    assert sent["success"] is True
    finished = await system.finished(sent["data"]["notification_id"], 30)
    assert finished["status"] == "delivered"
    assert [mail["Subject"] for mail in await system.mails_to(person.email)] == ["security_alert"]


async def test_in_quiet_hours_only_what_is_urgent_is_sent(
    system: SystemClient, person: Person
) -> None:
    order = await template_about(system, "order")
    alert = await template_about(system, "security_alert")
    now = datetime.now(UTC)
    end = (now + timedelta(hours=2)).replace(second=0, microsecond=0)
    quiet = {"start": f"{now - timedelta(hours=1):%H:%M}", "end": f"{end:%H:%M}"}
    await person.choose(quiet_hours=quiet)
    waiting = await person.send(order)
    assert (waiting["success"], waiting["data"]["status"]) == (True, "scheduled")
    notification = await system.notification(waiting["data"]["notification_id"])
    assert notification["reason"] == "quiet_hours"
    assert datetime.fromisoformat(notification["scheduled_at"]) == end
    assert notification["timeline"][0]["reason"] == "quiet_hours"
    urgent = await person.send(alert)
    finished = await system.finished(urgent["data"]["notification_id"], 30)
    assert finished["status"] == "delivered"
    assert [mail["Subject"] for mail in await system.mails_to(person.email)] == ["security_alert"]


async def test_what_an_administrator_says_of_a_category_counts_within_two_seconds(
    system: SystemClient, person: Person
) -> None:
    category = f"own_{uuid4().hex[:8]}"
    code = await template_about(system, category)
    assert (await person.send(code))["success"] is True
    url = f"{system.urls.user_service}/api/v1/categories/{category}"
    for default, is_sent in (("opted_out", False), ("required", True)):
        answer = await system.request("PUT", url, {"name": "Own", "default": default})
        assert answer.status_code in {200, 201}, answer.text
        await asyncio.sleep(IN_FORCE_SECONDS)
        assert (await person.send(code))["success"] is is_sent
    assert (await system.request("DELETE", url)).status_code == 200

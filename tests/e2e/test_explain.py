"""What is explained is what is sent: from the explanation to the inbox and the device."""

from typing import Any
from uuid import uuid4

import pytest

from devstack.system_client import SystemClient


@pytest.fixture
async def greeting(system: SystemClient) -> str:
    """A template with two English versions and a German one."""
    code = f"greeting_{uuid4().hex[:8]}"
    push = {"title": "Hello {{ user.name|upper }}", "body": "Come in."}
    old = {"subject": "Old", "body": "<p>Old</p>"}
    await system.create_template({"code": code, "email": old, "push": push})
    new = {"subject": "Hello {{ user.name }}", "body": "<p>Hello</p>"}
    await system.update_template(code, {"email": new, "push": push})
    german = {"subject": "Hallo {{ user.name|default('du') }}", "body": "<p>Hallo</p>"}
    await system.update_template(code, {"email": german, "language": "de"})
    return code


@pytest.fixture
def asked(welcome: dict[str, Any], greeting: str) -> dict[str, Any]:
    return {**welcome, "template_code": greeting, "variables": {"user": {"name": "Zoë & Co"}}}


async def explained(system: SystemClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await system.request(
        "POST", f"{system.urls.gateway}/api/v1/notifications/explain", body
    )
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


@pytest.mark.parametrize(
    ("changes", "language_from", "subject"),
    [
        ({}, "user", "Hello Zoë & Co"),
        ({"language": "de-AT"}, "requested", "Hallo Zoë & Co"),
    ],
)
async def test_an_email_arrives_as_it_was_explained(
    system: SystemClient,
    user: dict[str, Any],
    asked: dict[str, Any],
    changes: dict[str, Any],
    language_from: str,
    subject: str,
) -> None:
    body = {**asked, **changes}
    told = await explained(system, body)
    assert (told["would_send"], told["outcome"]) == (True, "pending")
    assert (told["reasons"], told["notes"]) == ([], [])
    assert (told["language_from"], told["subject"]) == (language_from, subject)
    assert await system.mails_to(user["email"]) == []

    sent = await system.finished(await system.send(body), 30)
    assert sent["status"] == "delivered"
    for name in ("language", "template_version", "category", "priority"):
        assert sent[name] == told[name]
    assert [one["recipient"] for one in sent["deliveries"]] == [
        one["recipient"] for one in told["recipients"]
    ]
    (mail,) = await system.mails_to(user["email"])
    assert mail["Subject"] == told["subject"]


async def test_a_push_has_the_title_that_was_explained(
    system: SystemClient, user: dict[str, Any], asked: dict[str, Any]
) -> None:
    body = {**asked, "notification_type": "push"}
    told = await explained(system, body)
    assert told["title"] == "Hello ZOË & CO"
    assert (await system.finished(await system.send(body), 30))["status"] == "delivered"
    (push,) = await system.pushes_to(user["push_token"])
    assert push["Title"] == told["title"]


async def test_what_was_explained_to_fail_fails_for_that_reason(
    system: SystemClient, user: dict[str, Any], asked: dict[str, Any]
) -> None:
    body = {**asked, "variables": {"user": {}}}
    told = await explained(system, body)
    assert (told["would_send"], told["outcome"]) == (False, "pending")
    [reason] = told["reasons"]
    assert reason["code"] == "render_failed"
    sent = await system.finished(await system.send(body), 30)
    assert (sent["status"], sent["reason"]) == ("failed", "render_failed")
    [failed] = [event for event in sent["timeline"] if event["event"] == "failed"]
    assert failed["detail"] == reason["message"]
    assert await system.mails_to(user["email"]) == []

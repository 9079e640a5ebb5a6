"""From POST to the inbox and the device, and what a client can read of it."""

import email
from email import policy
from typing import Any
from uuid import uuid4

from devstack.system_client import SystemClient


async def test_an_email_arrives_rendered_with_a_text_and_an_html_part(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    welcome["variables"] = {"name": "Zoë <Grace> Hopper", "link": "https://example.com/a?b=1&c=2"}
    notification = await system.finished(await system.send(welcome), 30)
    assert notification["status"] == "delivered"
    (summary,) = await system.mails_to(user["email"])
    source = await system.mail_source(summary["ID"])
    mail = email.message_from_bytes(source, policy=policy.default)
    assert mail["Subject"] == "Welcome, Zoë <Grace> Hopper!"
    assert mail["To"] == user["email"]
    assert mail["X-Notification-ID"] == notification["notification_id"]
    assert mail.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "Zoë <Grace> Hopper" in text
    assert "https://example.com/a?b=1&c=2" in text
    assert "Zoë &lt;Grace&gt; Hopper" in html
    assert "{{" not in text + html


async def test_a_push_arrives_at_the_device(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    notification = await system.finished(
        await system.send({**welcome, "notification_type": "push"}), 30
    )
    assert notification["status"] == "delivered"
    assert notification["deliveries"][0]["provider"] == "fcm"
    assert len(await system.pushes_to(user["push_token"])) == 1
    logged = [
        entry
        for entry in await system.handed_over("push")
        if entry["notification_id"] == notification["notification_id"]
    ]
    assert [entry["accepted"] for entry in logged] == [True]


async def test_the_timeline_tells_each_step_with_provider_and_latency(
    system: SystemClient, welcome: dict[str, Any]
) -> None:
    notification = await system.finished(await system.send(welcome), 30)
    accepted, sent = notification["timeline"]
    assert (accepted["event"], sent["event"]) == ("accepted", "sent")
    assert sent["provider"] == "smtp"
    assert sent["attempt"] == 1
    assert sent["reply_code"].startswith("250")
    assert sent["provider_message_id"]
    assert sent["latency_ms"] > 0


async def test_a_correlation_id_travels_from_the_request_to_the_mail(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    answer = await system.http.post(
        f"{system.urls.gateway}/api/v1/notifications/",
        json=welcome,
        headers={"X-API-Key": system.api_key, "X-Correlation-ID": "order-4711"},
    )
    assert answer.status_code == 202
    assert answer.headers["X-Correlation-ID"] == "order-4711"
    await system.finished(answer.json()["data"]["notification_id"], 30)
    (summary,) = await system.mails_to(user["email"])
    assert b"X-Correlation-ID: order-4711" in await system.mail_source(summary["ID"])


async def test_a_new_template_version_is_live_at_once(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    code = f"edited_{uuid4().hex[:8]}"
    await system.create_template({"code": code, "subject": "Old {{ name }}", "body": "<p>Old</p>"})
    body = {**welcome, "template_code": code}
    await system.finished(await system.send({**body, "request_id": f"{code}-1"}), 30)
    await system.update_template(code, {"subject": "New {{ name }}", "body": "<p>New</p>"})
    second = await system.finished(await system.send({**body, "request_id": f"{code}-2"}), 30)
    assert second["template_version"] == 2
    subjects = [mail["Subject"] for mail in await system.mails_to(user["email"])]
    assert sorted(subjects) == ["New Grace", "Old Grace"]


async def test_an_opted_out_user_gets_nothing_and_the_history_says_why(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    await system.update_user(user["user_id"], preferences={"email": False})
    answer = await system.post_notification(welcome)
    assert answer.status_code == 202
    assert answer.json()["success"] is False
    assert answer.json()["error"] == "notification_preference_disabled"
    notification = await system.notification(answer.json()["data"]["notification_id"])
    assert notification["status"] == "suppressed"
    assert notification["reason"] == "notification_preference_disabled"
    assert await system.mails_to(user["email"]) == []


async def test_a_refusal_that_may_pass_is_tried_again_and_told(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    await system.set_failures(
        "smtp",
        [
            {
                "action": "refuse",
                "status": 451,
                "recipient": user["email"],
                "stage": "rcpt",
                "times": 1,
            }
        ],
    )
    notification = await system.finished(await system.send(welcome), 30)
    assert notification["status"] == "delivered"
    assert notification["deliveries"][0]["attempts"] == 2
    events = [event["event"] for event in notification["timeline"]]
    assert events == ["accepted", "delivery_attempted", "sent"]
    assert len(await system.mails_to(user["email"])) == 1


async def test_a_refusal_for_good_ends_as_failed_with_the_reply_code(
    system: SystemClient, user: dict[str, Any], welcome: dict[str, Any]
) -> None:
    await system.set_failures(
        "smtp", [{"action": "refuse", "status": 550, "recipient": user["email"], "stage": "rcpt"}]
    )
    notification = await system.finished(await system.send(welcome), 30)
    assert notification["status"] == "failed"
    [failed] = [event for event in notification["timeline"] if event["event"] == "failed"]
    assert failed["reply_code"].startswith("550")
    assert await system.mails_to(user["email"]) == []


async def test_notifications_are_listed_newest_first(
    system: SystemClient, welcome: dict[str, Any]
) -> None:
    ids = [
        await system.send({**welcome, "request_id": f"{welcome['request_id']}-{number}"})
        for number in range(3)
    ]
    answer = await system.request(
        "GET", f"{system.urls.gateway}/api/v1/notifications?page=1&limit=3"
    )
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["data"]] == ids[::-1]
    assert answer.json()["meta"]["has_previous"] is False

"""The body of a send: all that SMTP would say, and nothing that a value can change."""

import json
from dataclasses import replace
from typing import Any

import pytest
from email_deliveries import DELIVERY_ID, an_email
from hypothesis import given, settings
from hypothesis import strategies as st

from email_service.adapters.email_address import parse_email_address
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.sendgrid_mail import compose_sendgrid_mail

JANE = parse_email_address("jane@example.com")
SENDER = MailSender(
    parse_email_address("no-reply@example.com"),
    "Acme",
    reply_to=parse_email_address("help@example.com"),
)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def composed(sender: MailSender = SENDER, **values: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(compose_sendgrid_mail(an_email(**values), JANE, sender))
    return document


def test_says_what_smtp_would_say() -> None:
    assert composed() == {
        "personalizations": [{"to": [{"email": "jane@example.com"}]}],
        "from": {"email": "no-reply@example.com", "name": "Acme"},
        "reply_to": {"email": "help@example.com"},
        "subject": "Hello",
        "content": [
            {"type": "text/plain", "value": "Hello"},
            {"type": "text/html", "value": "<p>Hello</p>"},
        ],
        "headers": {
            "Message-ID": f"<{DELIVERY_ID}@example.com>",
            "Auto-Submitted": "auto-generated",
            "X-Notification-ID": "ntf_1",
            "X-Delivery-ID": str(DELIVERY_ID),
            "X-Correlation-ID": "corr-1",
        },
        "custom_args": {
            "delivery_id": str(DELIVERY_ID),
            "notification_id": "ntf_1",
            "generation": "0",
            "delivery_attempt": "1",
            "correlation_id": "corr-1",
        },
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


@pytest.mark.parametrize("plain", [None, ""])
def test_a_mail_without_text_is_html_alone(plain: str | None) -> None:
    assert composed(text=plain)["content"] == [{"type": "text/html", "value": "<p>Hello</p>"}]


def test_a_sender_without_name_and_reply_address_has_none() -> None:
    body = composed(MailSender(parse_email_address("no-reply@example.com")))
    assert body["from"] == {"email": "no-reply@example.com"}
    assert "reply_to" not in body


def test_a_long_or_foreign_id_becomes_one_line_of_ascii() -> None:
    header = composed(notification_id="ü" * 90)["headers"]["X-Notification-ID"]
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith("=?utf-8?")


def test_custom_arguments_hold_nothing_of_the_recipient() -> None:
    body = composed(recipient="jane@example.com", subject="Dear Jane")
    assert "jane" not in json.dumps(body["custom_args"]).lower()


def test_a_lone_surrogate_cannot_be_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        composed(subject="\ud800")


@settings(max_examples=150, deadline=None)
@given(subject=text, html=text, plain=text, name=text, correlation=text)
def test_no_value_changes_what_it_does_not_stand_for(
    subject: str, html: str, plain: str, name: str, correlation: str
) -> None:
    body = composed(
        replace(SENDER, display_name=name),
        subject=subject,
        html=html,
        text=plain,
        correlation_id=correlation,
    )
    usual = composed()
    assert set(body) == set(usual)
    assert set(body["headers"]) == set(usual["headers"])
    assert all(v.isascii() and v.isprintable() for v in body["headers"].values())
    assert body["personalizations"] == usual["personalizations"]
    assert not set(body["subject"]) & set(map(chr, range(32)))
    assert {p["type"]: p["value"] for p in body["content"]} == {
        kind: value for kind, value in (("text/plain", plain), ("text/html", html)) if value
    }

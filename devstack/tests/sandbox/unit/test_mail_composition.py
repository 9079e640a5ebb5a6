"""The mail that a request becomes: what it asked for, and no header more."""

import json
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.sandbox.sendgrid.mail_composition import compose
from devstack.sandbox.sendgrid.mail_reader import read_mail_request

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HEADERS = {"from", "to", "subject", "date", "message-id", "x-a", "mime-version", "content-type"}
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def mail_of(subject: str, name: str, plain: str, value: str) -> EmailMessage:
    request = read_mail_request(
        "application/json",
        json.dumps(
            {
                "personalizations": [{"to": [{"email": "ada@example.org"}]}],
                "from": {"email": "a@acme.test", "name": name},
                "subject": subject,
                "headers": {"X-A": value},
                "content": [
                    {"type": "text/plain", "value": plain},
                    {"type": "text/html", "value": "<p>Hi</p>"},
                ],
            }
        ).encode(),
    )
    raw = compose(request, request.personalizations[0], message_id="m1", now=NOW)
    parsed: EmailMessage = BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)
    return parsed


def test_reads_back_as_it_was_asked_for() -> None:
    mail = mail_of("Größe", "Acme, Ltd.", "Hi\n.\nbye", "1")
    assert (mail["Subject"], mail["X-A"], mail["Message-ID"]) == (
        "Größe",
        "1",
        "<m1@geopod-ismtpd-0>",
    )
    assert mail["From"].addresses[0].display_name == "Acme, Ltd."
    plain, html = mail.iter_parts()
    assert plain.get_content().splitlines() == ["Hi", ".", "bye"]
    assert html.get_content_type() == "text/html"


@settings(max_examples=100, deadline=None)
@given(subject=text, name=text, plain=text, value=text.filter(lambda v: not set(v) & set("\r\n\0")))
def test_no_value_adds_a_header_or_a_recipient(
    subject: str, name: str, plain: str, value: str
) -> None:
    mail = mail_of(subject, name, plain, value)
    assert {key.lower() for key in mail.keys()} == HEADERS  # noqa: SIM118 - its items are not keys
    assert len(mail.keys()) == len(HEADERS)
    assert [address.addr_spec for address in mail["To"].addresses] == ["ada@example.org"]

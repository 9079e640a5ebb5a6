import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from email_deliveries import DELIVERY_ID, NOON, an_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from delivery.provider import OutgoingDelivery
from email_service.adapters.email_address import EmailAddress, parse_email_address
from email_service.adapters.mail_message import compose_mail
from email_service.adapters.mail_sender import MailSender
from templating import RenderedEmail

SENDER = MailSender(parse_email_address("no-reply@example.com"), "Example Shop")
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Notification-ID",
    "X-Delivery-ID",
    "X-Correlation-ID",
    "MIME-Version",
    "Content-Type",
]
anything = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from('\r\n\t =?_.:,<>@"\\\x00\u2028'),
    max_size=200,
)


def compose(delivery: OutgoingDelivery[RenderedEmail], sender: MailSender = SENDER) -> bytes:
    recipient = parse_email_address(delivery.message.recipient)
    return compose_mail(delivery, recipient, sender, NOON)


def read(raw: bytes) -> EmailMessage:
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    content: str = part.get_content()
    return content


def with_crlf(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).strip()


def test_the_text_comes_first_and_the_html_as_the_better_alternative() -> None:
    mail = read(compose(an_email(html="<p>Hé</p>", text="Hé")))
    assert mail.get_content_type() == "multipart/alternative"
    parts = [part.get_content_type() for part in mail.iter_parts()]
    assert parts == ["text/plain", "text/html"]
    assert (body(mail, "plain"), body(mail, "html")) == ("Hé", "<p>Hé</p>")


def test_a_mail_without_a_text_is_html_alone() -> None:
    mail = read(compose(an_email(html="<p>Hé</p>", text=None)))
    assert mail.get_content_type() == "text/html"
    assert mail.get_content() == "<p>Hé</p>"


def test_headers_say_who_what_when_and_for_which_delivery() -> None:
    mail = read(compose(an_email(subject="Grüße")))
    assert mail.keys() == HEADERS
    assert mail["From"] == "Example Shop <no-reply@example.com>"
    assert mail["To"] == "jane@example.com"
    assert mail["Subject"] == "Grüße"
    assert parsedate_to_datetime(mail["Date"]) == NOON
    assert mail["Message-ID"] == f"<{DELIVERY_ID}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Notification-ID"] == "ntf_1"
    assert mail["X-Delivery-ID"] == str(DELIVERY_ID)
    assert mail["X-Correlation-ID"] == "corr-1"


def test_the_message_id_is_the_same_at_every_attempt() -> None:
    delivery = an_email()
    later = compose_mail(
        delivery, parse_email_address("jane@example.com"), SENDER, NOON + timedelta(hours=1)
    )
    assert read(later)["Message-ID"] == read(compose(delivery))["Message-ID"]


def test_reply_to_and_the_domain_of_the_message_id_can_be_configured() -> None:
    sender = MailSender(
        SENDER.address, reply_to=EmailAddress("help", "example.com"), message_id_domain="m.test"
    )
    mail = read(compose(an_email(), sender))
    assert mail["Reply-To"] == "help@example.com"
    assert mail["From"] == "no-reply@example.com"
    assert mail["Message-ID"] == f"<{DELIVERY_ID}@m.test>"


def test_a_sender_that_few_servers_take_is_refused() -> None:
    with pytest.raises(ValueError, match="reply_to must be ASCII"):
        MailSender(SENDER.address, reply_to=EmailAddress("grüße", "example.com"))


def test_a_lone_surrogate_cannot_be_encoded() -> None:
    with pytest.raises(UnicodeEncodeError):
        compose(an_email(html="\ud800"))


@given(html=anything, text=anything)
@example(html="." * 2000, text=".\r\n.\r\n")
@example(html=f"--=_{DELIVERY_ID.hex}--", text="From nobody\n" + "x" * 5000)
def test_bodies_come_out_as_they_went_in(html: str, text: str) -> None:
    raw = compose(an_email(html=html, text=text))
    mail = read(raw)
    assert body(mail, "plain") == with_crlf(text)
    assert body(mail, "html") == with_crlf(html)
    assert raw.endswith(b"\r\n")
    lines = raw.split(b"\r\n")
    assert all(len(line) <= 998 and not line.startswith(b".") for line in lines)
    assert b"\n" not in b"".join(lines)
    assert b"\r" not in b"".join(lines)


@settings(max_examples=300)
@given(subject=anything, notification_id=anything, correlation_id=anything)
@example(subject="x\r\nBcc: joe@example.com", notification_id="\n\nbody", correlation_id="\r")
@example(subject="=?utf-8?q?evil=0D=0ABcc:_a@b.c?=", notification_id="x" * 2000, correlation_id="")
@example(subject="a" * 200 + " " * 100 + "b", notification_id="é" * 300, correlation_id="x")
@example(subject="=?utf-8?b?", notification_id="0 0", correlation_id="\x85")
def test_no_value_adds_a_header_and_each_is_read_back(
    subject: str, notification_id: str, correlation_id: str
) -> None:
    raw = compose(
        an_email(subject=subject, notification_id=notification_id, correlation_id=correlation_id)
    )
    mail = read(raw)
    assert mail.keys() == HEADERS
    assert mail["To"] == "jane@example.com"
    assert mail["Subject"] == one_line(subject)
    assert mail["X-Notification-ID"] == one_line(notification_id)
    assert mail["X-Correlation-ID"] == one_line(correlation_id)
    head = raw.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))


@given(name=anything)
@example(name='Shop" <evil@example.com>, "')
@example(name="\\")
@example(name="=?utf-8?q?x?=")
def test_no_display_name_changes_the_address(name: str) -> None:
    name_as_one_line = one_line(name)
    mail = read(compose(an_email(), MailSender(SENDER.address, name)))
    assert mail.keys() == HEADERS
    (address,) = mail["From"].addresses
    assert address.addr_spec == "no-reply@example.com"
    # Python's reader puts a space between two encoded words of a phrase, against RFC 2047 §6.2
    assert "".join(address.display_name.split()) == "".join(name_as_one_line.split())

"""From hostile variables to the bytes on the wire: nothing that anybody fills in shapes a mail.

What is filled in goes through the template, into the mail, under the signature; what a reader and
a server then see must differ from a harmless mail in texts only, never in structure.
"""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

import pytest
from bounce_reports import SEAL
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from email_deliveries import NOON, an_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from email_service.adapters.dkim_signer import DkimSigner
from email_service.adapters.email_address import EmailAddressError, parse_email_address
from email_service.adapters.mail_message import compose_mail
from email_service.adapters.mail_sender import MailSender
from email_service.domain.delivery_reference import DeliveryReference
from templating import EmailContent, compile_email

SIGNER: Final = DkimSigner(Ed25519PrivateKey.generate(), "example.com", "mail")
REFERENCE: Final = DeliveryReference(
    an_email().message.delivery_id, "notif_" + "a" * 32, generation=0, attempt=1
)
TEMPLATE: Final = compile_email(
    EmailContent(
        "Hello {{ name }}, about {{ topic }}",
        "<p title='{{ name }}'>{{ topic }}</p>",
        "{{ topic }}\n{{ name }}\n.\n",
    )
)
PIECES: Final = st.sampled_from(
    [
        *("\r", "\n", "\r\n", "\r\n\r\n", "\0", "\x0b", "\x0c", "\x1b[2J", "\x7f", "\x85"),
        *("\u2028", "\u2029", "\ufeff", "\u202e", "\u0301", "\u00a0", "\t", " ", "  "),
        *("\nBcc: joe@example.com", "\r\nTo: joe@example.com\r\n", "\n\n<html>", "\r\n.\r\n"),
        *("MAIL FROM:<x@y.z>", ".", "..", "--", "=_", "=?utf-8?q?a?=", "=?utf-8?b?", "?="),
        *('"', "<", ">", ",", ";", ":", "@", "\\", "(", ")", "&", "%0d%0a", "é", "ß", "漢", "🎉"),
        *("x" * 998, "漢" * 400, "a b " * 300, "Content-Type: text/html"),
    ]
)
HOSTILE: Final = st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=12).map(
    "".join
)


def a_mail(
    name: str, topic: str, *, sender_name: str = "Shop", recipient: str = "jane@example.com"
) -> bytes:
    rendered = TEMPLATE.render({"name": name, "topic": topic})
    email = an_email(
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        recipient=recipient,
        notification_id=name,
        correlation_id="corr-1",
    )
    sender = MailSender(
        parse_email_address("no-reply@example.com"),
        sender_name,
        reply_to=parse_email_address("help@example.com"),
    )
    reference = SEAL.seal(REFERENCE, recipient)
    return SIGNER.sign(
        compose_mail(email, parse_email_address(recipient), sender, NOON, reference), NOON
    )


def header_names(raw: bytes) -> list[bytes]:
    """As they stand in the bytes, without a parser that could be mistaken in the same way."""
    head = raw.partition(b"\r\n\r\n")[0]
    return [
        line.partition(b":")[0]
        for line in head.split(b"\r\n")
        if not line.startswith((b" ", b"\t"))
    ]


def read(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def crlf(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


HARMLESS: Final = a_mail("Jane", "nothing")


@settings(max_examples=250, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
@example("\r\nBcc: joe@example.com", "\r\n\r\nbody", 'x" <joe@example.com>, "')
@example("\0", "\r", "\n")
@example("=?utf-8?b?" + "QQ" * 500, "." * 3000, "\u2028Bcc: joe@example.com")
def test_whatever_is_filled_in_headers_and_recipient_are_those_of_a_harmless_mail(
    name: str, topic: str, sender_name: str
) -> None:
    raw = a_mail(name, topic, sender_name=sender_name)
    assert header_names(raw) == header_names(HARMLESS)
    mail, harmless = read(raw), read(HARMLESS)
    assert mail.keys() == harmless.keys()
    for header in ("To", "Reply-To", "Date", "Message-ID", "X-Delivery-Reference", "Content-Type"):
        assert mail[header] == harmless[header]
    assert [each.addr_spec for each in mail["To"].addresses] == ["jane@example.com"]
    assert [each.addr_spec for each in mail["From"].addresses] == ["no-reply@example.com"]
    parts = [part.get_content_type() for part in mail.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]


@settings(max_examples=150, deadline=None)
@given(HOSTILE, HOSTILE)
def test_whatever_is_filled_in_is_what_is_read(name: str, topic: str) -> None:
    rendered = TEMPLATE.render({"name": name, "topic": topic})
    mail = read(a_mail(name, topic))
    for kind, expected in (("plain", rendered.text), ("html", rendered.html)):
        part = mail.get_body((kind,))
        assert part is not None
        assert expected is not None
        assert part.get_content() == crlf(expected)
    words = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", rendered.subject).strip()
    assert mail["Subject"] == words


@settings(max_examples=150, deadline=None)
@given(HOSTILE, HOSTILE)
def test_no_line_of_the_wire_can_end_the_mail_or_be_too_long_for_it(name: str, topic: str) -> None:
    raw = a_mail(name, topic)
    assert raw.isascii()
    lines = raw.split(b"\r\n")
    assert not any(line.startswith(b".") or len(line) > 998 for line in lines)
    assert not re.search(rb"[\r\n\0]", b"".join(lines))
    assert raw.endswith(b"\r\n")


@settings(max_examples=250, deadline=None)
@given(st.lists(PIECES, max_size=6).map("".join), st.sampled_from(["jane", "j.doe", "é", ""]))
def test_a_hostile_address_is_refused_or_is_exactly_one_recipient(piece: str, local: str) -> None:
    for text in (f"{local}{piece}@example.com", f"{local}@example.com{piece}", piece):
        try:
            address = parse_email_address(text)
        except EmailAddressError:
            continue
        mail = read(a_mail("Jane", "nothing", recipient=text))
        # Python's reader keeps the raw UTF-8 of RFC 6532 as surrogates
        read_back = [
            each.addr_spec.encode("utf-8", "surrogateescape").decode()
            for each in mail["To"].addresses
        ]
        assert read_back == [str(address)]
        assert header_names(a_mail("Jane", "x", recipient=text)) == header_names(HARMLESS)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0", "\x0b", "\x85", "\u2028"])
def test_the_line_ends_that_anybody_knows_are_no_ends_in_a_subject(end: str) -> None:
    mail = read(a_mail(f"a{end}Bcc: joe@example.com", f"b{end}{end}c"))
    assert mail["Bcc"] is None
    assert "Bcc: joe@example.com" in mail["Subject"]

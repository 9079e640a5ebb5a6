"""A mail opened: parts, snippet, attachments."""

from email.message import EmailMessage

import pytest

from devstack.sandbox.inbox.mail_document import MailDocument, body_has


def raw() -> bytes:
    message = EmailMessage()
    message["From"] = "a@x.test"
    message["To"] = "b@x.test"
    message["Date"] = "Fri, 20 Nov 2026 22:00:00 +0100"
    message["List-Unsubscribe"] = "<https://x.test/u>, <mailto:u@x.test>"
    message.set_content("Größe  \n und mehr\n")
    message.add_alternative("<style>p{}</style><p>Gr&ouml;&szlig;e</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    return message.as_bytes()


def test_finds_the_text_and_the_html_part() -> None:
    document = MailDocument(raw())
    assert document.text.startswith("Größe")
    assert "<p>Gr&ouml;" in document.html
    assert document.snippet == "Größe und mehr"


def test_makes_the_snippet_from_html_alone() -> None:
    html = b"Content-Type: text/html\r\n\r\n<style>p{}</style><p>Hi &amp; <b>bye</b></p>"
    assert MailDocument(html).snippet == "Hi & bye"


def test_lists_attachments_with_checksums() -> None:
    (part,) = MailDocument(raw()).parts(inline=False)
    assert (part["FileName"], part["ContentType"], part["Size"]) == ("a.pdf", "application/pdf", 4)
    assert MailDocument(raw()).parts(inline=True) == []


def test_gives_the_date_header_or_the_time_of_arrival() -> None:
    assert MailDocument(raw()).date(0) == "2026-11-20T22:00:00+01:00"
    assert MailDocument(b"Subject: x\r\n\r\n").date(0) == "1970-01-01T00:00:00.000000Z"


def test_lists_the_unsubscribe_links() -> None:
    found = MailDocument(raw()).list_unsubscribe()
    assert found["Links"] == ["https://x.test/u", "mailto:u@x.test"]


def test_shows_a_mail_with_an_unknown_charset() -> None:
    mail = b"Content-Type: text/plain; charset=x-no-such\r\n\r\nhello"
    assert MailDocument(mail).text == "hello"


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
@pytest.mark.parametrize(
    ("words", "found"),
    [("findable", True), ("two words", True), ("absent", False), ("x-header", False)],
)
def test_finds_words_in_a_body_of_any_encoding(encoding: str, words: str, found: bool) -> None:
    message = EmailMessage()
    message["X-Header"] = "absent"
    message.set_content("long " * 14 + "Findable and two words\n", cte=encoding)
    wire = message.as_bytes().replace(b"\n", b"\r\n")
    assert body_has(wire, words) is found


def test_finds_words_beyond_ascii() -> None:
    assert body_has(raw(), "größe")

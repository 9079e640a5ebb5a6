"""Mailpit's search language."""

import pytest

from devstack.sandbox.inbox.mail import Mail, read_mail
from devstack.sandbox.inbox.mail_record import decode_line, encode_mail, encode_removal
from devstack.sandbox.inbox.mail_search import Term, matches, parse_query

RAW = (
    b"From: Acme <no-reply@acme.test>\r\n"
    b"To: =?utf-8?q?Ad=C3=A9?= <ada@example.org>,\r\n bob@example.org\r\n"
    b"Cc: carol@example.org\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and\r\n\twelcome\r\n"
    b"Message-ID: <1@acme.test>\r\n\r\nFrom: not a header\r\n"
)


def mail() -> Mail:
    return read_mail(
        RAW,
        mail_id="m1",
        created=1.5,
        offset=0,
        mail_from="bounce@acme.test",
        recipients=["ADA@example.org", "hidden@example.org"],
    )[0]


def unreachable_body(_mail: Mail, _words: str) -> bool:
    raise AssertionError("the body was read although the index decides")


def test_reads_the_headers_that_the_index_needs() -> None:
    read = mail()
    assert read.subject == "Grüße and welcome"
    assert [str(a) for a in read.to] == ["Adé <ada@example.org>", " <bob@example.org>"]
    assert [a.address for a in read.bcc] == ["hidden@example.org"]
    assert (read.message_id, read.sender.name) == ("1@acme.test", "Acme")


def test_an_index_line_gives_the_same_mail_again() -> None:
    assert decode_line(encode_mail(mail())) == mail()
    assert decode_line(encode_removal(["m1"])) == ["m1"]


def test_splits_a_query_into_terms() -> None:
    assert parse_query('to:Ada -subject:"two words" !x http://a is:read') == (
        Term("to", "ada", False),
        Term("subject", "two words", True),
        Term("", "x", True),
        Term("", "http://a", False),
        Term("is", "read", False),
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("to:ada@example.org", True),
        ("to:ADÉ", True),
        ("to:carol", False),
        ("cc:carol", True),
        ("bcc:hidden@", True),
        ("addressed:bob", True),
        ("from:acme", True),
        ("subject:grüße", True),
        ('subject:"and welcome"', True),
        ("message-id:1@acme", True),
        ("to:ada subject:goodbye", False),
        ("to:ada -subject:goodbye", True),
        ("-to:ada", False),
        ("is:unread", True),
        ("is:read", False),
        ("-is:read", True),
    ],
)
def test_answers_from_the_index_without_reading_the_body(query: str, found: bool) -> None:
    assert matches(mail(), parse_query(query), unreachable_body) is found


@pytest.mark.parametrize(("query", "found"), [("secret", True), ("absent", False)])
def test_free_text_looks_into_the_body(query: str, found: bool) -> None:
    assert matches(mail(), parse_query(query), lambda _, words: words in "a secret") is found


def test_reads_the_body_only_when_the_rest_holds() -> None:
    assert not matches(mail(), parse_query("secret to:nobody"), unreachable_body)

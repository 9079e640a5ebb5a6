import base64
import quopri
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from bounce_reports import EXIM, OUT_OF_OFFICE, SPAM_REPORT, a_recipient, a_report
from hypothesis import given, settings
from hypothesis import strategies as st

from email_service.domain.delivery_status import (
    Action,
    NotAReportError,
    RecipientStatus,
    parse_delivery_status,
)

REPORT = b"Content-Type: multipart/report; boundary=b\n\n"
STATUS = REPORT + b"--b\nContent-Type: message/delivery-status\n"
BASE64 = STATUS + b"Content-Transfer-Encoding: base64\n\n"


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_reads_a_report_of_postfix(line_end: str) -> None:
    report = parse_delivery_status(
        a_report(
            a_recipient(),
            envelope_id="our-reference",
            returned="From: a@b.c\nX-Long:\n folded\n\t value\n",
            line_end=line_end,
        )
    )
    assert report.envelope_id == "our-reference"
    assert report.returned == {"from": "a@b.c", "x-long": "folded\t value"}
    assert report.recipients == (
        RecipientStatus(
            action=Action.FAILED,
            status="5.1.1",
            recipients=("jane@example.com", "jane@example.com"),
            diagnostic="550 5.1.1 <jane@example.com>: Recipient address rejected: User    unknown",
        ),
    )


def test_reads_a_report_of_exim_whose_status_is_in_the_reply() -> None:
    report = parse_delivery_status(EXIM.format(reference="our-reference").encode())
    (recipient,) = report.recipients
    assert (recipient.action, recipient.status) == (Action.FAILED, "5.1.1")
    assert recipient.recipients == ("jane@example.com",)
    assert report.envelope_id is None
    assert report.returned["x-delivery-reference"] == "our-reference"
    assert report.returned["to"] == "jane@example.com"
    assert "hello" not in report.returned


@pytest.mark.parametrize(
    ("status", "diagnostic", "expected"),
    [
        ("5.0.0", "smtp; 550 5.2.2 Over quota", "5.2.2"),
        ("5.0.0", "smtp; 550 No such user", "5.0.0"),
        ("5.0.0", "smtp; 450 4.2.2 Over quota", "5.0.0"),
        ("5.7.1", "smtp; 550 5.1.1 Unknown", "5.7.1"),
        ("5.0.0", "x-unix; 550 5.1.1 Unknown", "5.0.0"),
        ("5.1.1 (bad destination mailbox)", "", "5.1.1"),
        ("4.4.1", "", "4.4.1"),
    ],
)
def test_the_reply_counts_only_where_the_status_says_nothing(
    status: str, diagnostic: str, expected: str
) -> None:
    (recipient,) = parse_delivery_status(
        a_report(a_recipient(status=status, diagnostic=diagnostic))
    ).recipients
    assert recipient.status == expected


@pytest.mark.parametrize("action", Action)
def test_reads_every_action_in_any_case_with_a_comment(action: Action) -> None:
    raw = a_report(a_recipient(action=f"{action.value.upper()} (really)"))
    assert parse_delivery_status(raw).recipients[0].action is action


def test_reads_several_recipients() -> None:
    raw = a_report(a_recipient(), a_recipient(action="delayed", status="4.4.1"))
    actions = [each.action for each in parse_delivery_status(raw).recipients]
    assert actions == [Action.FAILED, Action.DELAYED]


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_reads_parts_that_were_encoded_on_the_way(encoding: str) -> None:
    encode: Callable[[bytes], bytes] = (
        base64.encodebytes if encoding == "base64" else quopri.encodestring
    )
    status = f"Original-Envelope-Id: ref\n\n{a_recipient()}".encode()
    raw = (
        b'Content-Type: multipart/report; boundary="b"\n\n--b\n'
        b"Content-Type: message/global-delivery-status\nContent-Transfer-Encoding: "
        + encoding.encode()
        + b"\n\n"
        + encode(status)
        + b"\n--b--\n"
    )
    report = parse_delivery_status(raw)
    assert (report.envelope_id, report.recipients[0].status) == ("ref", "5.1.1")


def test_a_report_that_was_cut_short_behind_its_status_is_read() -> None:
    whole = a_report(a_recipient(), envelope_id="ref", returned="X-A: 1\n\n" + "x" * 10_000)
    report = parse_delivery_status(whole[: len(whole) - 9_000])
    assert (report.envelope_id, report.returned) == ("ref", {"x-a": "1"})


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "text/plain"),
        (OUT_OF_OFFICE, "it is text/plain"),
        (SPAM_REPORT, "another kind: 'feedback-report'"),
        (b"Content-Type: multipart/report\r\n\r\nx", "boundary is missing"),
        (b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--", "no part"),
        (a_report(), "names no recipient"),
        (a_report(a_recipient(action="vanished")), "action 'vanished'"),
        (a_report(a_recipient(status="fine")), "status of a recipient"),
        (a_report(a_recipient(status="5.1.1.1")), "status of a recipient"),
        (b"X: " + b"y" * 70_000 + b"\r\n\r\n", "larger than 65536 bytes"),
        (b'Content-Type: multipart/report; x="' + b";" * 9_000, "Content-Type is too long"),
        (BASE64 + b"\n--b--", "names no recipient"),
        (BASE64 + b"A\n--b--", "not the base64"),
    ],
)
def test_says_why_something_is_no_report(raw: bytes, why: str) -> None:
    with pytest.raises(NotAReportError, match=why):
        parse_delivery_status(raw)


def test_a_status_inside_the_mail_that_came_back_does_not_count() -> None:
    inner = a_report(a_recipient(status="5.1.1")).decode().replace("\r\n", "\n")
    outer = REPORT + b"--b\nContent-Type: message/rfc822\n\n"
    with pytest.raises(NotAReportError, match="no part of the type"):
        parse_delivery_status(outer + inner.encode() + b"\n--b--\n")


@pytest.mark.parametrize(
    "raw",
    [
        REPORT + b"--b\n" * 250_000,
        REPORT + b"\n--b " * 200_000,
        STATUS + b"\n" + b"A: b\n\n" * 170_000,
        STATUS + b"\n" + b"\n \t" * 330_000,
        STATUS + b"\nA: b\n\nX: " + b"+41" * 20_000,
        b'Content-Type: multipart/report; boundary="' + b'";\\' * 330,
        b"\n" * 1_000_000,
        b" " * 1_000_000,
    ],
    ids=range(8),
)
def test_a_megabyte_that_was_made_to_take_long_does_not(raw: bytes) -> None:
    started = time.process_time()
    with pytest.raises(NotAReportError):
        parse_delivery_status(raw)
    assert time.process_time() - started < 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_report_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    raw = bytearray(a_report(a_recipient(), envelope_id="ref"))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        end = data.draw(st.integers(at, min(len(raw), at + 30)))
        raw[at:end] = data.draw(
            st.binary(max_size=10) | st.sampled_from([b"\n", b"\n\n", b"--", b";"])
        )
    with suppress(NotAReportError):
        assert parse_delivery_status(bytes(raw)).recipients

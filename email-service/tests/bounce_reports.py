"""Delivery status reports as mail servers write them, with what a test cares about put in."""

from typing import Final

from email_deliveries import DELIVERY_ID

from email_service.domain.delivery_reference import DeliveryReference, ReferenceSeal

KEY: Final = b"0123456789abcdef0123456789abcdef"
SEAL: Final = ReferenceSeal(KEY)
REFERENCE: Final = DeliveryReference(DELIVERY_ID, "notif_" + "a" * 32, generation=2, attempt=3)
JANE: Final = "jane@example.com"


def a_reference(address: str = JANE) -> str:
    sealed = SEAL.seal(REFERENCE, address)
    assert sealed is not None
    return sealed


def a_report(
    *recipients: str,
    envelope_id: str | None = None,
    returned: str | None = "Subject: Hello\nTo: jane@example.com\n",
    returned_type: str = "text/rfc822-headers",
    report_type: str = "; report-type=delivery-status",
    line_end: str = "\r\n",
) -> bytes:
    """A report in the layout of Postfix 3.7; `recipients` are their groups of fields."""
    status = "Reporting-MTA: dns; mail.example.org\n"
    if envelope_id is not None:
        status += f"Original-Envelope-Id: {envelope_id}\n"
    status += "X-Postfix-Queue-ID: 4F1Z2X\nArrival-Date: Sat, 21 Nov 2026 01:00:00 +0000 (UTC)\n"
    text = f"""Return-Path: <>
Date: Sat, 21 Nov 2026 01:00:01 +0000 (UTC)
From: MAILER-DAEMON@mail.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@example.com
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report{report_type};
\tboundary="4F1Z2X.1732100000/mail.example.org"
Content-Transfer-Encoding: 8bit
Message-Id: <20261121010001.4F1Z2X@mail.example.org>

This is a MIME-encapsulated message.

--4F1Z2X.1732100000/mail.example.org
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mail.example.org. Action: delivered

--4F1Z2X.1732100000/mail.example.org
Content-Description: Delivery report
Content-Type: message/delivery-status

{status}
{chr(10).join(recipients)}
"""
    if returned is not None:
        text += f"""--4F1Z2X.1732100000/mail.example.org
Content-Description: Undelivered Message
Content-Type: {returned_type}

{returned}
"""
    text += "--4F1Z2X.1732100000/mail.example.org--\n"
    return text.replace("\n", line_end).encode()


def a_recipient(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    original: str | None = f"rfc822;{JANE}",
    final: str = f"rfc822; {JANE}",
    diagnostic: str = f"smtp; 550 5.1.1 <{JANE}>: Recipient address rejected: User\n    unknown",
) -> str:
    lines = [f"Final-Recipient: {final}"]
    if original is not None:
        lines.append(f"Original-Recipient: {original}")
    lines += [f"Action: {action}", f"Status: {status}", "Remote-MTA: dns; mx.example.com"]
    return "\n".join([*lines, f"Diagnostic-Code: {diagnostic}", ""])


EXIM: Final = """Return-path: <>
From: Mail Delivery System <Mailer-Daemon@exim.example.org>
To: bounces@example.com
Content-Type: multipart/report; report-type=delivery-status; boundary=1732100000-eximdsn-1
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender

--1732100000-eximdsn-1
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

--1732100000-eximdsn-1
Content-type: message/delivery-status

Reporting-MTA: dns; exim.example.org

Action: failed
Final-Recipient: rfc822;jane@example.com
Status: 5.0.0
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.
 550 5.1.1 Please try again

--1732100000-eximdsn-1
Content-type: message/rfc822

Return-path: <bounces@example.com>
To: jane@example.com
X-Delivery-Reference: {reference}
X-Correlation-ID: corr-1
Subject: Hello

Hello
--1732100000-eximdsn-1--
"""

GMAIL: Final = """Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: bounces@example.com
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
Content-Type: multipart/report; boundary="0000000000001f"; report-type=delivery-status

--0000000000001f
Content-Type: multipart/related; boundary="0000000000001f2"

--0000000000001f2
Content-Type: multipart/alternative; boundary="0000000000001f3"

--0000000000001f3
Content-Type: text/plain; charset="UTF-8"

** Address not found **
--0000000000001f3--
--0000000000001f2
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--0000000000001f2--
--0000000000001f
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Received-From-MTA: dns; bounces@example.com
Arrival-Date: Sat, 21 Nov 2026 01:00:00 -0800 (PST)
X-Original-Message-ID: <1@example.com>

Final-Recipient: rfc822; jane@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com. (192.0.2.1, the server for the domain example.com.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.
 550 5.1.1 For more information, go to https://example.com/?p=NoSuchUser
Last-Attempt-Date: Sat, 21 Nov 2026 01:00:01 -0800 (PST)

--0000000000001f
Content-Type: message/rfc822

To: jane@example.com
X-Delivery-Reference: {reference}
Content-Type: multipart/alternative; boundary="=_1"

--=_1
Content-Type: text/plain

Hello
--=_1--

--0000000000001f--
"""

EXCHANGE: Final = """From: <postmaster@example.com>
To: bounces@example.com
Content-Type: multipart/report; report-type=delivery-status;
 boundary="9B095B5ADSN=_01D"
Subject: Undeliverable: Hello

--9B095B5ADSN=_01D
Content-Type: text/html; charset=us-ascii

<html>Your message couldn't be delivered.</html>

--9B095B5ADSN=_01D
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01MB0001.eurprd01.prod.exchangelabs.com
Received-From-MTA: dns;mail.example.net
Arrival-Date: Sat, 21 Nov 2026 01:00:00 +0000
Original-Envelope-Id: {reference}

Final-Recipient: rfc822;Jane@example.com
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found
X-Display-Name: Jane

--9B095B5ADSN=_01D
Content-Type: message/rfc822

To: jane@example.com

--9B095B5ADSN=_01D--
"""

OUT_OF_OFFICE: Final = b"""From: Jane <jane@example.com>\r
To: bounces@example.com\r
Subject: Out of office\r
Auto-Submitted: auto-replied\r
Content-Type: text/plain\r
\r
I am away until Monday.\r
"""

SPAM_REPORT: Final = b"""From: fbl@example.com\r
To: bounces@example.com\r
Content-Type: multipart/report; report-type=feedback-report; boundary=b\r
\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: abuse\r
--b--\r
"""

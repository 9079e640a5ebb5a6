"""One rendered email as the bytes that SMTP sends (RFC 5322, RFC 2045-2047).

Put together by hand: the structure is fixed, and the `email` package's generators take ten to
forty times as long. Bodies are base64 always, so that no line is too long, none begins with a dot,
and no text can contain the boundary (`_` is not in base64's alphabet).
"""

import re
from base64 import encodebytes
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from delivery.provider import OutgoingDelivery
from email_service.adapters.email_address import EmailAddress
from email_service.adapters.mail_header import address_header, text_header
from email_service.adapters.mail_sender import MailSender
from templating import RenderedEmail

_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")


def message_id(delivery: OutgoingDelivery[RenderedEmail], sender: MailSender) -> str:
    """The same for every attempt, so that receivers can drop a duplicate (RFC 5322 §3.6.4)."""
    return f"<{delivery.message.delivery_id}@{sender.id_domain}>"


def compose_mail(
    delivery: OutgoingDelivery[RenderedEmail],
    recipient: EmailAddress,
    sender: MailSender,
    date: datetime,
    reference: str | None = None,
) -> bytes:
    """Compose the message: text first, HTML as the better alternative; HTML alone without a text.

    Args:
        delivery: Its recipient is not read; `recipient` is the parsed form of it.
        recipient: Stands in `To`.
        sender: Stands in `From` and `Reply-To`.
        date: Stands in `Date`; aware.
        reference: Stands in `X-Delivery-Reference`, for bounces of servers without DSN; printable
            ASCII.

    Raises:
        UnicodeEncodeError: The content holds a lone surrogate, which no encoding can carry.
    """
    message, content = delivery.message, delivery.content
    headers = [
        address_header("From", sender.address, sender.display_name),
        address_header("To", recipient),
        text_header("Subject", content.subject),
        f"Date: {format_datetime(date)}\r\n",
        f"Message-ID: {message_id(delivery, sender)}\r\n",
        "Auto-Submitted: auto-generated\r\n",  # RFC 3834: no out-of-office answers, please
        text_header("X-Notification-ID", message.notification_id),
        f"X-Delivery-ID: {message.delivery_id}\r\n",
        text_header("X-Correlation-ID", message.correlation_id),
        "MIME-Version: 1.0\r\n",
    ]
    if reference:
        # As it is: encoded words, for the sake of 78 columns, would hide it from those who look
        headers.insert(-1, f"X-Delivery-Reference: {reference}\r\n")
    if sender.reply_to:
        headers.insert(2, address_header("Reply-To", sender.reply_to))
    head = "".join(headers).encode()
    html = _part("html", content.html)
    if content.text is None:
        return head + html
    boundary = f"=_{message.delivery_id.hex}"
    delimiter = f"--{boundary}\r\n".encode()
    return b"".join(
        (
            head,
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode(),
            delimiter,
            _part("plain", content.text),
            delimiter,
            html,
            f"--{boundary}--\r\n".encode(),
        )
    )


def _part(subtype: str, text: str) -> bytes:
    # RFC 2045 §6.8: line breaks of text are CRLF before base64 sees them
    body = encodebytes(_LINE_ENDS.sub("\r\n", text).encode()).replace(b"\n", b"\r\n")
    return (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + body

"""The mail that SendGrid would send for one personalization of a request."""

import re
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from devstack.sandbox.sendgrid.mail_request import (
    MailRequest,
    Personalization,
    Recipient,
    Sender,
)

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def compose(
    request: MailRequest, personalization: Personalization, *, message_id: str, now: datetime
) -> bytes:
    """The mail with CRLF line ends; `message_id` stands in where no `Message-ID` is asked for.

    Control characters in subjects and names become spaces.
    """
    wanted = request.headers_of(personalization)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(personalization.sender or request.sender)
    mail["To"] = [_address(recipient) for recipient in personalization.to]
    if personalization.cc:
        mail["Cc"] = [_address(recipient) for recipient in personalization.cc]
    reply_to = [request.reply_to] if request.reply_to else request.reply_to_list
    if reply_to:
        mail["Reply-To"] = [_address(sender) for sender in reply_to]
    mail["Subject"] = _one_line(personalization.subject or request.subject or "")
    names = {name.lower() for name in wanted}
    if "date" not in names:
        mail["Date"] = format_datetime(now)
    if "message-id" not in names:
        mail["Message-ID"] = f"<{message_id}@geopod-ismtpd-0>"
    first, *others = request.content
    mail.set_content(first.value, *_subtype(first.type))
    for content in others:
        mail.add_alternative(content.value, *_subtype(content.type))
    for file in request.attachments:
        maintype, _, subtype = file.type.partition("/")
        mail.add_attachment(
            file.content,
            maintype=maintype,
            subtype=subtype or "octet-stream",
            filename=file.filename,
            disposition=file.disposition,
            cid=file.content_id,
        )
    # By hand, for they may be anything that is a line, and the parsers of known headers are strict
    extra = "".join(f"{name}: {_value(text)}\r\n" for name, text in wanted.items())
    return extra.encode("ascii") + mail.as_bytes()


def _address(who: Sender | Recipient) -> Address:
    return Address(_one_line(who.name or ""), addr_spec=who.email)


def _one_line(text: str) -> str:
    return _CONTROLS.sub(" ", text)


def _value(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8").encode(linesep="\r\n")


def _subtype(content_type: str) -> tuple[str, ...]:
    maintype, _, subtype = content_type.lower().partition("/")
    return (subtype or "plain",) if maintype == "text" else ("plain",)

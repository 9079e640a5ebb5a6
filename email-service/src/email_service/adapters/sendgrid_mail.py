"""One rendered email as the body of SendGrid's `mail/send`.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send. What is tracked by default
is switched off: SendGrid would rewrite links and add a picture to mails that were rendered as they
should arrive.
"""

import json
import re
from typing import Any, Final

from delivery.provider import OutgoingDelivery
from email_service.adapters.email_address import EmailAddress
from email_service.adapters.mail_header import text_header
from email_service.adapters.mail_message import message_id
from email_service.adapters.mail_sender import MailSender
from email_service.domain.delivery_reference import DeliveryReference
from email_service.domain.sendgrid_custom_args import custom_args
from templating import RenderedEmail

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_TRACKING: Final = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}


def compose_sendgrid_mail(
    delivery: OutgoingDelivery[RenderedEmail], recipient: EmailAddress, sender: MailSender
) -> bytes:
    """Compose the body: text first, HTML as the better alternative, as SendGrid demands.

    `Message-ID` is ours, as it is by SMTP: SendGrid reserves other headers only (`Reply-To`,
    `Content-Type`, …) and sets `Date` itself.

    Args:
        delivery: Its recipient is not read; `recipient` is the parsed form of it.
        recipient: ASCII.
        sender: Stands in `from` and `reply_to`; where bounces go, SendGrid decides.

    Raises:
        UnicodeEncodeError: The content holds a lone surrogate, which no encoding can carry.
    """
    message, content = delivery.message, delivery.content
    reference = DeliveryReference(
        message.delivery_id, message.notification_id, message.generation, delivery.attempt
    )
    parts = [("text/plain", content.text), ("text/html", content.html)]
    body: dict[str, Any] = {
        "personalizations": [{"to": [{"email": str(recipient)}]}],
        "from": {"email": str(sender.address)},
        "subject": _CONTROLS.sub(" ", content.subject),
        "content": [{"type": kind, "value": text} for kind, text in parts if text],
        "headers": {
            "Message-ID": message_id(delivery, sender),
            "Auto-Submitted": "auto-generated",
            "X-Notification-ID": _header("X-Notification-ID", message.notification_id),
            "X-Delivery-ID": str(message.delivery_id),
            "X-Correlation-ID": _header("X-Correlation-ID", message.correlation_id),
        },
        "custom_args": custom_args(reference, message.correlation_id),
        "tracking_settings": _NO_TRACKING,
    }
    if name := _CONTROLS.sub(" ", sender.display_name).strip():
        body["from"]["name"] = name
    if sender.reply_to:
        body["reply_to"] = {"email": str(sender.reply_to)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _header(name: str, text: str) -> str:
    """The value as `text_header` writes it, on one line."""
    return text_header(name, text).removeprefix(f"{name}: ").replace("\r\n", "")

"""One event as SendGrid's webhook posts it.

Shapes: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event. Custom arguments
stand beside SendGrid's own fields and lose against them where the names are the same.
"""

from typing import Any, Final

from devstack.sandbox.sendgrid.sent_mails import SentMail

_FIELDS: Final[dict[str, dict[str, str]]] = {
    "processed": {},
    "deferred": {"response": "450 4.7.1 try again later", "attempt": "1"},
    "delivered": {"response": "250 2.0.0 OK"},
    "bounce": {
        "type": "bounce",
        "status": "5.1.1",
        "reason": "550 5.1.1 The email account that you tried to reach does not exist.",
        "bounce_classification": "Invalid Address",
    },
    "dropped": {"reason": "Bounced Address", "status": "5.0.0"},
    "spamreport": {},
    "open": {"useragent": "Mozilla/5.0", "ip": "192.0.2.1"},
    "click": {"useragent": "Mozilla/5.0", "ip": "192.0.2.1", "url": "https://example.com/"},
    "unsubscribe": {},
    "group_unsubscribe": {"url": "https://example.com/"},
    "group_resubscribe": {"url": "https://example.com/"},
}
KINDS: Final = tuple(_FIELDS)


def describe_event(
    kind: str,
    mail: SentMail | None,
    *,
    timestamp: int,
    event_id: str,
    given: dict[str, Any],
) -> dict[str, Any]:
    """The event of a mail, or of one that somebody else sent.

    Args:
        kind: One of `KINDS`.
        mail: What it is about; None: only what is `given` is known.
        timestamp: Unix seconds.
        event_id: Becomes `sg_event_id`.
        given: Fields that shall be as they are here.
    """
    about: dict[str, Any] = {}
    if mail is not None:
        about = {
            **mail.custom_args,
            "email": mail.email,
            "smtp-id": mail.smtp_id,
            "sg_message_id": f"{mail.message_id}.recvd-0-1-65F0C0DE-1.0",
        }
    own = {"event": kind, "timestamp": timestamp, "sg_event_id": event_id}
    return {**about, **own, **_FIELDS[kind], **given}

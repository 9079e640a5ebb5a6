"""What an SMTP failure means for a delivery.

The enhanced code (RFC 3463) decides first, then the basic code (RFC 5321 §4.2.3), then how far the
dialogue had come: a lost answer is ambiguous once the message's final dot was sent, and harmless
before. Pure; the tests run it over every exception class that aiosmtplib has.
"""

from enum import Enum, auto
from typing import Final

import aiosmtplib

from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from email_service.adapters.smtp_reply import enhanced_code
from email_service.domain.enhanced_status import DEAD_ADDRESS, MAILBOX_FULL, subject_of

SmtpFailure = aiosmtplib.SMTPException | OSError | ValueError
"""All that aiosmtplib raises: OSError where TLS fails within STARTTLS, ValueError for an AUTH
challenge that is not base64."""


class Stage(Enum):
    """How far the dialogue had come when it failed."""

    CONNECT = auto()
    """TCP, TLS, greeting, EHLO, AUTH."""
    SENDER = auto()
    """RSET, MAIL."""
    RECIPIENT = auto()
    """RCPT."""
    DATA = auto()
    """DATA, and the message up to its final dot."""
    REPLY = auto()
    """The final dot may have arrived."""


_CONNECTION_ENDED: Final = (421,)
_CREDENTIALS: Final = frozenset({530, 534, 535, 538})
_CREDENTIALS_ENHANCED: Final = frozenset({"5.7.8", "5.7.9", "5.7.11"})
_ADDRESS: Final = frozenset({551, 553})
_MAILBOX_FULL: Final = 552
_ABOUT_RECIPIENT: Final = (Stage.RECIPIENT, Stage.REPLY)
_STAGE_REASONS: Final = {
    Stage.SENDER: "sender_refused",
    Stage.RECIPIENT: "recipient_refused",
    Stage.DATA: "data_refused",
    Stage.REPLY: "message_refused",
}


def is_reply(error: BaseException) -> bool:
    """Whether the server answered in good order, so that the connection can go on."""
    return (
        isinstance(error, aiosmtplib.SMTPResponseException)
        and 400 <= error.code < 600
        and error.code not in _CONNECTION_ENDED
    )


def to_delivery_error(error: SmtpFailure, stage: Stage) -> DeliveryError:
    """Translate what aiosmtplib raised at a stage."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        if 400 <= error.code < 600:
            return reply_to_error(error.code, error.message, stage)
        return _broken("malformed_reply", error, stage)
    if isinstance(error, TimeoutError):
        return _broken("timed_out", error, stage)
    if stage is Stage.CONNECT:
        return _broken("connect_failed", error, stage)
    return _broken("connection_lost", error, stage)


def reply_to_error(code: int, text: str, stage: Stage) -> DeliveryError:
    """Translate a refusal.

    Args:
        code: 400 to 599.
        text: Of the reply, with the enhanced code at its start, if the server sends those.
        stage: What was refused.
    """
    enhanced = enhanced_code(text)
    if enhanced and enhanced[0] == "2":
        enhanced = None  # contradicts the refusal; the basic code stands
    reply_code = f"{code} {enhanced}" if enhanced else str(code)

    def transient(reason: str, *, provider_failed: bool = False) -> DeliveryError:
        return TransientDeliveryError(
            reason, detail=text, reply_code=reply_code, provider_failed=provider_failed
        )

    if code in _CONNECTION_ENDED:
        return transient("service_unavailable", provider_failed=True)
    if stage is Stage.CONNECT:
        reason = "login_refused" if _is_about_credentials(code, enhanced) else "connect_refused"
        return transient(reason, provider_failed=True)
    if stage in _ABOUT_RECIPIENT and enhanced in DEAD_ADDRESS:
        return InvalidRecipientError("invalid_recipient", detail=text, reply_code=reply_code)
    if enhanced in MAILBOX_FULL or (enhanced is None and code == _MAILBOX_FULL):
        return transient("mailbox_full")
    if _is_about_credentials(code, enhanced):
        return transient("login_refused", provider_failed=True)
    if enhanced is None and stage is Stage.RECIPIENT and code in _ADDRESS:
        return InvalidRecipientError("invalid_recipient", detail=text, reply_code=reply_code)
    reason = _STAGE_REASONS[stage]
    if enhanced:
        reason = subject_of(enhanced, reason)
    if (enhanced or str(code))[0] == "4":
        return transient(reason)
    return PermanentDeliveryError(reason, detail=text, reply_code=reply_code)


def _is_about_credentials(code: int, enhanced: str | None) -> bool:
    return code in _CREDENTIALS or enhanced in _CREDENTIALS_ENHANCED


def _broken(reason: str, error: Exception, stage: Stage) -> DeliveryError:
    detail = str(error) or type(error).__name__
    if stage is Stage.REPLY:
        return AmbiguousDeliveryError(reason, detail=detail)
    if stage is Stage.RECIPIENT and isinstance(error, TimeoutError):
        # Perhaps the server asks the recipient's own before it answers: that one may be at fault.
        return TransientDeliveryError(reason, detail=detail, fell_silent=True)
    return TransientDeliveryError(reason, detail=detail, provider_failed=True)

"""What an error of SendGrid's v3 API means for a delivery. Pure.

Statuses and the error document:
https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses. A 400
names the field that is wrong: one of the recipient's is about the address, one of the sender's
about our account, so that another provider may still take the mail; anything else is about the
content.

What stands between us and SendGrid answers as well. Where its answer leaves open whether SendGrid
took the mail (408, 502, 504 and whatever we do not know), the error is ambiguous. A 3xx says that
the request should be made elsewhere, which SendGrid never asks for and we do not do.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.http_exchange import HttpAnswer
from delivery.retry_after import parse_retry_after

_RECIPIENT_FIELD: Final = "personalizations.0.to"
_SENDER_FIELDS: Final = ("from", "reply_to")
_PROVIDER_FAILED: Final = {
    401: "credentials_refused",
    403: "access_refused",
    404: "api_not_found",
    405: "api_not_found",
    429: "throttled",
    500: "internal_error",
    503: "unavailable",
}
_REFUSED: Final = {400: "invalid_payload", 413: "payload_too_large"}


@dataclass(frozen=True, slots=True)
class SendGridProblems:
    """The error document, as far as it could be read.

    Attributes:
        messages: In SendGrid's words.
        fields: Paths of the fields that are wrong; empty unless each error names one.
    """

    messages: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def are_all_about(self, *names: str) -> bool:
        """Whether every message names one of these fields, or something inside it."""
        return bool(self.fields) and all(
            any(field == name or field.startswith(f"{name}.") for name in names)
            for field in self.fields
        )


def to_delivery_error(answer: HttpAnswer, now: datetime) -> DeliveryError:
    """Translate an answer that is not an acceptance.

    Args:
        answer: Of `mail/send`.
        now: For times that are given as dates.
    """
    problems = read_problems(answer)
    detail, reply_code = "; ".join(problems.messages), str(answer.status)

    def provider_failed(reason: str) -> DeliveryError:
        return TransientDeliveryError(
            reason,
            detail=detail,
            reply_code=reply_code,
            retry_after=seconds_to_wait(answer, now),
            provider_failed=True,
        )

    if answer.status in _PROVIDER_FAILED:
        return provider_failed(_PROVIDER_FAILED[answer.status])
    if 300 <= answer.status < 400:
        return provider_failed("redirected")
    if answer.status == 400 and problems.are_all_about(_RECIPIENT_FIELD):
        return InvalidRecipientError("invalid_recipient", detail=detail, reply_code=reply_code)
    if answer.status == 400 and problems.are_all_about(*_SENDER_FIELDS):
        return provider_failed("sender_refused")
    if 400 <= answer.status < 500 and answer.status != 408:
        reason = _REFUSED.get(answer.status, "request_refused")
        return PermanentDeliveryError(reason, detail=detail, reply_code=reply_code)
    return AmbiguousDeliveryError("unexpected_answer", detail=detail, reply_code=reply_code)


def seconds_to_wait(answer: HttpAnswer, now: datetime) -> float | None:
    """How long we are asked to wait, never negative; None where nothing readable says so.

    `Retry-After` is seconds or a date (RFC 9110 §10.2.3), `X-RateLimit-Reset` Unix seconds
    (https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits).
    """
    seconds = parse_retry_after(answer.headers.get("Retry-After"), now)
    if seconds is not None:
        return seconds
    reset = answer.headers.get("X-RateLimit-Reset", "").strip()
    if answer.status == 429 and _is_number(reset):
        return max(0.0, float(reset) - now.timestamp())
    return None


def read_problems(answer: HttpAnswer) -> SendGridProblems:
    """Read the error document; whatever is missing or malformed stays away."""
    try:
        document = json.loads(answer.body or b"")
    except (ValueError, RecursionError):
        return SendGridProblems()
    errors = document.get("errors") if isinstance(document, dict) else None
    listed = errors if isinstance(errors, list) else []
    known = [error for error in listed if isinstance(error, dict)]
    messages = tuple(m for m in (error.get("message") for error in known) if isinstance(m, str))
    fields = tuple(f for f in (error.get("field") for error in known) if isinstance(f, str))
    return SendGridProblems(messages, fields if len(fields) == len(known) else ())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12

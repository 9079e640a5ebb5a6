"""What an error of FCM HTTP v1 means for a delivery. Pure.

FCM's own code stands in a detail of type `FcmError`
(https://firebase.google.com/docs/cloud-messaging/error-codes); without it an error is about our
project, our address or our request, and no device may be given up because of it.

What stands between us and FCM answers as well. Where its answer leaves open whether FCM took the
message (408, 502, 504 and whatever we do not know), the error is ambiguous. A bare 503 says that
the request was not handled (RFC 9110 §15.6.4), and a 3xx that it should be made elsewhere, which
FCM never asks for and we do not do: nothing was taken.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.http_exchange import HttpAnswer
from delivery.retry_after import parse_retry_after

_FCM_ERROR: Final = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST: Final = "type.googleapis.com/google.rpc.BadRequest"
_TOKEN_FIELD: Final = "message.token"
_QUOTA_SECONDS: Final = 60.0
"""What FCM asks for where a 429 has no `Retry-After`."""


@dataclass(frozen=True, slots=True)
class FcmError:
    """The error document, as far as it could be read.

    Attributes:
        status: Google's general code: `NOT_FOUND`.
        code: FCM's own: `UNREGISTERED`.
        wrong_fields: Paths named by `BadRequest`; None where there is no such detail.
    """

    http_status: int
    status: str = ""
    message: str = ""
    code: str = ""
    wrong_fields: tuple[str, ...] | None = field(default=None)

    @property
    def name(self) -> str:
        """The most telling code."""
        return self.code or self.status or str(self.http_status)


def is_token_refused(answer: HttpAnswer) -> bool:
    """Whether another access token may help: a 401 that is not about APNs' or VAPID's keys."""
    return answer.status == 401 and not read_fcm_error(answer).code


def to_delivery_error(answer: HttpAnswer, now: datetime) -> DeliveryError:
    """Translate an answer that is not a success.

    Args:
        answer: Of `messages:send`.
        now: For a `Retry-After` that is a date.
    """
    error = read_fcm_error(answer)
    retry_after = parse_retry_after(answer.headers.get("Retry-After"), now)

    def provider_failed(reason: str, seconds: float | None = retry_after) -> DeliveryError:
        return TransientDeliveryError(
            reason,
            detail=error.message,
            reply_code=error.name,
            retry_after=seconds,
            provider_failed=True,
        )

    def permanent(kind: type[PermanentDeliveryError], reason: str) -> DeliveryError:
        return kind(reason, detail=error.message, reply_code=error.name)

    match error.code or answer.status:
        case "UNREGISTERED":
            return permanent(InvalidRecipientError, "unregistered")
        case "INVALID_ARGUMENT" | 400:
            if _is_about_token(error):
                return permanent(InvalidRecipientError, "invalid_token")
            return permanent(PermanentDeliveryError, "invalid_payload")
        case "SENDER_ID_MISMATCH":
            return permanent(PermanentDeliveryError, "sender_id_mismatch")
        case "THIRD_PARTY_AUTH_ERROR":
            return provider_failed("third_party_auth_error")
        case "QUOTA_EXCEEDED" | 429:
            return provider_failed(
                "quota_exceeded", _QUOTA_SECONDS if retry_after is None else retry_after
            )
        case "UNAVAILABLE" | 503:
            return provider_failed("unavailable")
        case "INTERNAL" | 500:
            return provider_failed("internal_error")
        case 401 | 403:
            return provider_failed("credentials_refused")
        case 404:
            return provider_failed("project_not_found")
        case 413:
            return permanent(PermanentDeliveryError, "payload_too_large")
    if 300 <= answer.status < 400:
        return provider_failed("redirected")
    if 400 <= answer.status < 500 and answer.status != 408:
        return permanent(PermanentDeliveryError, "request_refused")
    return AmbiguousDeliveryError("unexpected_answer", detail=error.message, reply_code=error.name)


def read_fcm_error(answer: HttpAnswer) -> FcmError:
    """Read the error document; whatever is missing or malformed stays empty."""
    try:
        document = json.loads(answer.body or b"")
    except ValueError:
        return FcmError(answer.status)
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return FcmError(answer.status)
    code, wrong_fields = "", None
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        if detail.get("@type") == _FCM_ERROR:
            code = _text(detail, "errorCode")
        elif detail.get("@type") == _BAD_REQUEST:
            wrong_fields = _wrong_fields(detail)
    return FcmError(
        answer.status, _text(error, "status"), _text(error, "message"), code, wrong_fields
    )


def _is_about_token(error: FcmError) -> bool:
    if error.wrong_fields is None:
        return error.code == "INVALID_ARGUMENT"
    return error.wrong_fields == (_TOKEN_FIELD,)


def _wrong_fields(detail: Mapping[str, Any]) -> tuple[str, ...]:
    violations = detail.get("fieldViolations")
    return tuple(
        _text(violation, "field")
        for violation in (violations if isinstance(violations, list) else ())
        if isinstance(violation, dict)
    )


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""

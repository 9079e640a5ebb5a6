"""Google's error body, and the details that FCM puts into it.

Shapes: https://cloud.google.com/apis/design/errors and
https://firebase.google.com/docs/cloud-messaging/error-codes; the combinations are those seen in
the wild (bloomberg.github.io/pushiko/fcm_responses).
"""

from dataclasses import dataclass
from typing import Any

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_MESSAGE = {
    400: "Request contains an invalid argument.",
    401: "Auth error from APNS or Web Push Service",
    403: "SenderId mismatch",
    404: "Requested entity was not found.",
    429: "Quota exceeded for quota metric 'Send requests'.",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that is wrong; `field` is a path like `message.data[0].value`."""

    field: str
    description: str


class GoogleError(Exception):
    """An answer other than 2xx, as Google's front end writes it."""

    def __init__(
        self,
        code: int,
        message: str,
        details: tuple[dict[str, Any], ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "status": _STATUS.get(self.code, "UNKNOWN"),
        }
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def fcm_detail(error_code: str) -> dict[str, Any]:
    """The detail that carries FCM's own error code."""
    return {
        "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
        "errorCode": error_code,
    }


def violations_detail(violations: list[Violation]) -> dict[str, Any]:
    """google.rpc.BadRequest; a violation of the body as a whole has no field."""
    return {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [
            {"field": v.field, "description": v.description}
            if v.field
            else {"description": v.description}
            for v in violations
        ],
    }


def malformed(violations: list[Violation]) -> GoogleError:
    """A body that does not fit the published schema: BadRequest and no FCM code."""
    message = "\n".join(violation.description for violation in violations)
    return GoogleError(400, message, (violations_detail(violations),))


def invalid_argument(field: str, message: str) -> GoogleError:
    """A well-formed message that FCM itself refuses."""
    return GoogleError(
        400,
        message,
        (violations_detail([Violation(field, message)]), fcm_detail("INVALID_ARGUMENT")),
    )


def invalid_token() -> GoogleError:
    """A registration token that cannot be one: FCM's code and no field."""
    return GoogleError(
        400,
        "The registration token is not a valid FCM registration token",
        (fcm_detail("INVALID_ARGUMENT"),),
    )


def fcm_failure(
    code: int, error_code: str | None, text: str | None = None, retry_after: float | None = None
) -> GoogleError:
    """A failure on FCM's side or of the device, e.g. (404, "UNREGISTERED")."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    details = (fcm_detail(error_code),) if error_code else ()
    message = text or _MESSAGE.get(code, "Internal error encountered.")
    return GoogleError(code, message, details, headers)


def error_info(reason: str, metadata: dict[str, str] | None = None) -> dict[str, Any]:
    """google.rpc.ErrorInfo, which Google adds to refusals of credentials."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "fcm.googleapis.com", **(metadata or {})},
    }

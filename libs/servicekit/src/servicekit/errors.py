"""The errors that reach an HTTP client, each with its status and code.

    ServiceError
    ├── MalformedRequestError      400
    ├── UnauthenticatedError       401
    ├── ForbiddenError             403
    ├── NotFoundError              404
    ├── ConflictError              409
    ├── UnprocessableContentError  422
    ├── RateLimitedError           429
    └── UnavailableError           503

They are raised anywhere below the HTTP edge and rendered in one place, `servicekit.error_handlers`.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import ClassVar, Final

from contracts.envelope import ErrorDetail
from contracts.error_codes import ErrorCode

MAX_DETAILS: Final = 50
"""Fields that one answer names."""
MAX_FIELD_CHARACTERS: Final = 200
"""Of a field's path; callers name fields too, and fifty long paths would be a long answer."""


class ServiceError(Exception):
    """An answer that is not a success.

    Args:
        message: One sentence for the caller.
        code: Machine-readable reason; each class has its usual one.
        details: The fields that are wrong, if fields are.
        headers: Extra response headers, such as `Retry-After`.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[ErrorCode] = ErrorCode.INTERNAL_ERROR

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode | None = None,
        details: Sequence[ErrorDetail] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = list(details) if details else None
        self.headers = dict(headers or {})


class MalformedRequestError(ServiceError):
    """The request contradicts itself, or cannot be read at all."""

    status = 400
    default_code = ErrorCode.MALFORMED_REQUEST


class UnauthenticatedError(ServiceError):
    """Nobody, or nobody whom we know, is calling."""

    status = 401
    default_code = ErrorCode.UNAUTHENTICATED


class ForbiddenError(ServiceError):
    """The caller is known and may not do this."""

    status = 403
    default_code = ErrorCode.FORBIDDEN


class NotFoundError(ServiceError):
    """It does not exist, or it belongs to somebody else."""

    status = 404
    default_code = ErrorCode.NOT_FOUND


class ConflictError(ServiceError):
    """The present state does not allow it."""

    status = 409
    default_code = ErrorCode.CONFLICT


class UnprocessableContentError(ServiceError):
    """The request can be read, and what it says cannot be done."""

    status = 422
    default_code = ErrorCode.VALIDATION_FAILED


class RateLimitedError(ServiceError):
    """The caller asks for more than their rate; `retry_after` is in seconds."""

    status = 429
    default_code = ErrorCode.RATE_LIMITED

    def __init__(
        self,
        message: str,
        *,
        retry_after: float,
        code: ErrorCode | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        seconds = str(max(1, ceil(retry_after)))
        super().__init__(message, code=code, headers={"Retry-After": seconds, **(headers or {})})


class UnavailableError(ServiceError):
    """Something that we need is away; `retry_after` is in seconds."""

    status = 503
    default_code = ErrorCode.DEPENDENCY_UNAVAILABLE

    def __init__(
        self, message: str, *, code: ErrorCode | None = None, retry_after: int = 2
    ) -> None:
        super().__init__(message, code=code, headers={"Retry-After": str(retry_after)})

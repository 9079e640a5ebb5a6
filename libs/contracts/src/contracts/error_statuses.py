"""The HTTP status that each error code comes with; a code never comes with two."""

from typing import Final

from contracts.error_codes import ErrorCode

STATUS_OF: Final[dict[ErrorCode, int]] = {
    ErrorCode.MALFORMED_REQUEST: 400,
    ErrorCode.VALIDATION_FAILED: 422,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.CONFLICT: 409,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.INVALID_CREDENTIALS: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 422,
    ErrorCode.REQUEST_IN_FLIGHT: 409,
    ErrorCode.USER_NOT_FOUND: 404,
    ErrorCode.EMAIL_TAKEN: 409,
    ErrorCode.TEMPLATE_NOT_FOUND: 404,
    ErrorCode.TEMPLATE_EXISTS: 409,
    ErrorCode.TEMPLATE_INVALID: 422,
    ErrorCode.TEMPLATE_CHANNEL_MISSING: 422,
    ErrorCode.MISSING_VARIABLES: 422,
    # Accepted, and not sent.
    ErrorCode.NOTIFICATION_PREFERENCE_DISABLED: 202,
    ErrorCode.CATEGORY_OPTED_OUT: 202,
    ErrorCode.USER_INACTIVE: 202,
    ErrorCode.NO_ADDRESS: 202,
    ErrorCode.ADDRESS_SUPPRESSED: 202,
    ErrorCode.OVERLOADED: 503,
    ErrorCode.TOO_MANY_WAITING: 429,
    ErrorCode.DEPENDENCY_UNAVAILABLE: 503,
    ErrorCode.INTERNAL_ERROR: 500,
}
"""Of whole answers; what is only ever a reason inside of one, `render_failed`, has none.

The protocol's own 408 and 431 say `malformed_request` and `payload_too_large`.
"""

"""Why a notification is not accepted, or accepted and not sent: what sending answers."""

from typing import Final

from contracts.error_codes import ErrorCode

REFUSALS: Final = (
    ErrorCode.RATE_LIMITED,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.TEMPLATE_NOT_FOUND,
    ErrorCode.TEMPLATE_CHANNEL_MISSING,
    ErrorCode.MISSING_VARIABLES,
    ErrorCode.IDEMPOTENCY_KEY_REUSED,
    ErrorCode.REQUEST_IN_FLIGHT,
)
UNSENT: Final = (
    ErrorCode.NOTIFICATION_PREFERENCE_DISABLED,
    ErrorCode.CATEGORY_OPTED_OUT,
    ErrorCode.USER_INACTIVE,
    ErrorCode.NO_ADDRESS,
    ErrorCode.ADDRESS_SUPPRESSED,
)

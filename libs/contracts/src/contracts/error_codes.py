"""Every code that the `error` field of an answer can hold, with its remedy."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Machine-readable reason of an unsuccessful answer; `remedy` says what the caller can do."""

    remedy: str

    def __new__(cls, code: str, remedy: str = "") -> "ErrorCode":
        """Make a member whose value is the code alone."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.remedy = remedy
        return member

    # requests
    MALFORMED_REQUEST = "malformed_request", "Send a body that is one valid JSON document."
    VALIDATION_FAILED = "validation_failed", "Correct the fields listed in details."
    NOT_FOUND = "not_found", "Check the path and the id; what belongs to others is not shown."
    METHOD_NOT_ALLOWED = "method_not_allowed", "Use a method named in the Allow header."
    PAYLOAD_TOO_LARGE = "payload_too_large", "Send a smaller body."
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", "Send Content-Type: application/json."
    CONFLICT = "conflict", "Read the current state and decide again."
    RATE_LIMITED = "rate_limited", "Wait for the seconds named in Retry-After."
    # access
    UNAUTHENTICATED = "unauthenticated", "Send a valid X-API-Key, bearer token or service token."
    INVALID_CREDENTIALS = "invalid_credentials", "Check the email address and the password."
    FORBIDDEN = "forbidden", "Use a caller with the scope or role that the message names."
    # idempotency
    IDEMPOTENCY_KEY_REUSED = (
        "idempotency_key_reused",
        "Use a new request_id: this one was used with a different body.",
    )
    REQUEST_IN_FLIGHT = (
        "request_in_flight",
        "The first request with this request_id is still running; repeat after Retry-After.",
    )
    # users and templates
    USER_NOT_FOUND = "user_not_found", "Create the user first, or correct user_id."
    EMAIL_TAKEN = "email_taken", "Use another address, or update the user that has it."
    TEMPLATE_NOT_FOUND = "template_not_found", "Create the template first, or correct its code."
    TEMPLATE_EXISTS = "template_exists", "Use PUT to publish a new version of this template."
    TEMPLATE_INVALID = "template_invalid", "Correct the template where details points to."
    TEMPLATE_CHANNEL_MISSING = (
        "template_channel_missing",
        "Give the template content for this notification_type.",
    )
    MISSING_VARIABLES = "missing_variables", "Send a value for each variable listed in details."
    RENDER_FAILED = (
        "render_failed",
        "Send values that fit the template, or correct it where the message points to.",
    )
    # the recipient's wishes: accepted, and not sent
    NOTIFICATION_PREFERENCE_DISABLED = (
        "notification_preference_disabled",
        "The user has turned this channel off; respect it.",
    )
    CATEGORY_OPTED_OUT = (
        "category_opted_out",
        "Do not send this category to this user on this channel, or ask them to opt in.",
    )
    USER_INACTIVE = "user_inactive", "Activate the user to send to them."
    NO_ADDRESS = "no_address", "Store a push token (or an email address) for the user."
    ADDRESS_SUPPRESSED = (
        "address_suppressed",
        "Mail to this address bounced or was called spam; correct it, or lift the suppression.",
    )
    # our side
    OVERLOADED = "overloaded", "Too much is waiting to be sent; repeat after Retry-After."
    TOO_MANY_WAITING = (
        "too_many_waiting",
        "So many of your notifications wait to be sent that no more are taken; repeat later.",
    )
    DEPENDENCY_UNAVAILABLE = (
        "dependency_unavailable",
        "A part of the system is away; repeat with the same request_id after Retry-After.",
    )
    INTERNAL_ERROR = "internal_error", "Report the correlation id; the request may be repeated."

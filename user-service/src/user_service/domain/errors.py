"""What can be wrong with a request about users, keys and suppressions.

ServiceError
├── NotFoundError ── UserNotFoundError, ApiKeyNotFoundError, SuppressionNotFoundError,
│                    CategoryNotFoundError                                               404
├── ConflictError ── EmailTakenError, BuiltInCategoryError, ApiKeyEndedError             409
├── UnprocessableContentError ── ExpiryPassedError                                       422
└── UnauthenticatedError ── InvalidCredentialsError, RefreshTokenError                   401
"""

from contracts.envelope import ErrorDetail
from contracts.error_codes import ErrorCode
from servicekit.errors import (
    ConflictError,
    NotFoundError,
    UnauthenticatedError,
    UnprocessableContentError,
)


class UserNotFoundError(NotFoundError):
    """There is no such user, or the caller may not know of them."""

    default_code = ErrorCode.USER_NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class ApiKeyNotFoundError(NotFoundError):
    """There is no such key."""

    def __init__(self) -> None:
        super().__init__("There is no such API key.")


class ApiKeyEndedError(ConflictError):
    """A key that was revoked or has expired, and cannot be rotated."""

    def __init__(self) -> None:
        super().__init__("The key was revoked or has expired; create another one.")


class SuppressionNotFoundError(NotFoundError):
    """Nothing keeps mail from this address."""

    def __init__(self) -> None:
        super().__init__("This address is not suppressed.")


class CategoryNotFoundError(NotFoundError):
    """There is no such category."""

    def __init__(self) -> None:
        super().__init__("There is no such category.")


class BuiltInCategoryError(ConflictError):
    """A category that the system itself sends, and that cannot be removed."""

    def __init__(self, code: str) -> None:
        super().__init__(f"{code} is built in, and cannot be removed; its default can be changed.")


class ExpiryPassedError(UnprocessableContentError):
    """A suppression or key that is to be would have ended already."""

    def __init__(self) -> None:
        message = "expires_at must be in the future."
        super().__init__(
            message, details=[ErrorDetail(field="expires_at", code="past", message=message)]
        )


class EmailTakenError(ConflictError):
    """A user has this address already, perhaps in other case."""

    default_code = ErrorCode.EMAIL_TAKEN

    def __init__(self) -> None:
        super().__init__("A user with this e-mail address exists already.")


class InvalidCredentialsError(UnauthenticatedError):
    """Sign-in failed; deliberately the same for unknown, inactive and mistyped."""

    default_code = ErrorCode.INVALID_CREDENTIALS

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class RefreshTokenError(UnauthenticatedError):
    """A refresh token that opens nothing; deliberately the same for unknown, used and expired."""

    default_code = ErrorCode.INVALID_CREDENTIALS

    def __init__(self) -> None:
        super().__init__("The refresh token is not valid; sign in again.")

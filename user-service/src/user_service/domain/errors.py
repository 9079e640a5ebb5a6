"""What can be wrong with a request about users and keys.

ServiceError
├── NotFoundError ── UserNotFoundError, ApiKeyNotFoundError    404
├── ConflictError ── EmailTakenError                           409
└── UnauthenticatedError ── InvalidCredentialsError            401
"""

from contracts.error_codes import ErrorCode
from servicekit.errors import ConflictError, NotFoundError, UnauthenticatedError


class UserNotFoundError(NotFoundError):
    """There is no such user, or the caller may not know of them."""

    default_code = ErrorCode.USER_NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class ApiKeyNotFoundError(NotFoundError):
    """There is no such key."""

    def __init__(self) -> None:
        super().__init__("There is no such API key.")


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

"""What can be wrong with a request about templates.

ServiceError
├── NotFoundError ── TemplateNotFoundError              404
├── ConflictError ── TemplateExistsError                409
└── UnprocessableContentError ── InvalidContentError    422
"""

from contracts.envelope import ErrorDetail
from contracts.error_codes import ErrorCode
from servicekit.errors import ConflictError, NotFoundError, UnprocessableContentError


class TemplateNotFoundError(NotFoundError):
    """There is no such template, or not in this language, or not this version."""

    default_code = ErrorCode.TEMPLATE_NOT_FOUND

    def __init__(self, code: str, language: str | None = None, version: int | None = None) -> None:
        what = f"template {code!r}" if version is None else f"version {version} of {code!r}"
        where = "" if language is None else f" in the language {language!r}"
        super().__init__(f"There is no {what}{where}.")


class TemplateExistsError(ConflictError):
    """The code is taken."""

    default_code = ErrorCode.TEMPLATE_EXISTS

    def __init__(self, code: str) -> None:
        super().__init__(f"The template {code!r} exists already; PUT publishes a new version.")


class InvalidContentError(UnprocessableContentError):
    """The content cannot be published; `details` say which field, which line, and why."""

    default_code = ErrorCode.TEMPLATE_INVALID

    def __init__(self, details: list[ErrorDetail]) -> None:
        fields = ", ".join(dict.fromkeys(detail.field for detail in details))
        super().__init__(f"The template is not valid: {fields}.", details=details)

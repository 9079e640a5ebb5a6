"""SendGrid's error body (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors)."""

from dataclasses import dataclass
from typing import Any

HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html"
_MESSAGE = {
    401: "The provided authorization grant is invalid, expired, or revoked",
    403: "access forbidden",
    413: "content too large",
    429: "too many requests",
    500: "internal server error",
    503: "service unavailable",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; `field` is a path like `personalizations.0.to.0.email`."""

    message: str
    field: str | None = None

    def body(self) -> dict[str, Any]:
        """Its entry among the errors."""
        link = f"{HELP}#message.{self.field}" if self.field else None
        return {"message": self.message, "field": self.field, "help": link}


class SendGridError(Exception):
    """An answer other than 2xx."""

    def __init__(
        self, status: int, problems: list[Problem], headers: dict[str, str] | None = None
    ) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.status = status
        self.problems = problems
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"errors": [problem.body() for problem in self.problems]}


def bad_request(message: str, field: str | None = None) -> SendGridError:
    """400 because of one field, or of the whole body."""
    return SendGridError(400, [Problem(message, field)])


def unauthorized() -> SendGridError:
    """401: no key, or another one."""
    return SendGridError(401, [Problem(_MESSAGE[401])])


def failure(status: int, text: str | None, retry_after: float | None, now: float) -> SendGridError:
    """A failure on command.

    A 429 says when the limit ends, in Unix seconds, as SendGrid does
    (https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits);
    other failures say how long to wait.
    """
    headers: dict[str, str] = {}
    if status == 429:
        headers = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0"}
        if retry_after is not None:
            headers["X-RateLimit-Reset"] = str(round(now + retry_after))
    elif retry_after is not None:
        headers = {"Retry-After": f"{retry_after:g}"}
    return SendGridError(status, [Problem(text or _MESSAGE.get(status, "error"))], headers)

"""From the bytes of a request to a `MailRequest`, or to SendGrid's list of what is wrong."""

from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from devstack.sandbox.sendgrid.mail_request import MailRequest
from devstack.sandbox.sendgrid.sendgrid_error import Problem, SendGridError, bad_request

BODY_LIMIT: Final = 30 * 1024 * 1024
CUSTOM_ARGS_LIMIT: Final = 10_000
_RECIPIENT_LIMIT: Final = 1000
_EXAMPLE: Final = (
    'e.g. {"email" : "example@example.com"}  or '
    '{"email" : "example@example.com", "name" : "Example Recipient"}.'
)
_MISSING: Final = {
    "from": "The from object must be provided for every email send. It is an object that requires "
    f"the email parameter, but may also contain a name parameter.  {_EXAMPLE}",
    "personalizations": "The personalizations field is required and must have at least one "
    "personalization.",
    "to": "The to array is required for all personalization objects, and must have at least one "
    "email object with a valid email parameter.",
    "value": "The content value must be a string at least one character in length.",
    "type": "The content type must be a string at least one character in length.",
    "email": f"The email parameter is required.  {_EXAMPLE}",
}
_SUBJECT_MISSING: Final = (
    "The subject is required. You can get around this requirement if you use a template with a "
    "subject defined or if every personalization has a subject defined."
)
_TYPES: Final = {
    "string_type": "string",
    "list_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
    "int_type": "integer",
    "bool_type": "boolean",
}
_GIVEN: Final[dict[type, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    type(None): "null",
}


def read_mail_request(content_type: str, body: bytes) -> MailRequest:
    """Check a request as SendGrid documents it.

    Raises:
        SendGridError: 400, 413 or 415.
    """
    if len(body) >= BODY_LIMIT:
        raise SendGridError(413, [Problem("The total size of your email must be below 30MB.")])
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise SendGridError(415, [Problem("Content-Type should be application/json.")])
    try:
        request = MailRequest.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_url=False)
        if any(detail["type"] == "json_invalid" for detail in details):
            raise bad_request("Bad Request") from None
        raise SendGridError(400, [_problem(detail) for detail in details]) from None
    _check_content(request)
    _check_recipients(request)
    return request


def _check_content(request: MailRequest) -> None:
    if request.template_id is not None:
        raise bad_request("The template_id is not one of this account.", "template_id")
    if request.reply_to is not None and request.reply_to_list:
        raise bad_request("Use either reply_to or reply_to_list, not both.", "reply_to_list")
    if request.subject is None and not all(p.subject for p in request.personalizations):
        raise bad_request(_SUBJECT_MISSING, "subject")
    types = [content.type.lower() for content in request.content]
    if not types:
        raise bad_request(
            "Unless a valid template_id is provided, the content parameter is required. There must "
            "be at least one defined content block.",
            "content",
        )
    if len(set(types)) < len(types):
        raise bad_request(
            "If present, text/plain and text/html may only be provided once.", "content"
        )
    if "text/plain" in types[1:] or (
        "text/html" in types and types.index("text/html") != ("text/plain" in types)
    ):
        raise bad_request(
            "If present, text/plain must be the first content, followed by text/html.", "content"
        )
    if any(";" in kind or "\r" in kind or "\n" in kind for kind in types):
        raise bad_request("The content type cannot contain ';', or CRLF characters.", "content")


def _check_recipients(request: MailRequest) -> None:
    total = 0
    for number, personalization in enumerate(request.personalizations):
        field = f"personalizations.{number}"
        addresses = [recipient.email.lower() for recipient in personalization.recipients]
        total += len(addresses)
        if len(set(addresses)) < len(addresses):
            raise bad_request(
                "Each email address in the personalization block should be unique between to, cc, "
                "and bcc.",
                field,
            )
        args = request.custom_args_of(personalization)
        if sum(len(f"{key}{value}".encode()) for key, value in args.items()) >= CUSTOM_ARGS_LIMIT:
            raise bad_request("The custom_args must be below 10000 bytes.", f"{field}.custom_args")
    if total > _RECIPIENT_LIMIT:
        raise bad_request(
            "There is a limit of 1000 total recipients (to + cc + bcc) per request.",
            "personalizations",
        )


def _problem(detail: ErrorDetails) -> Problem:
    field = ".".join(str(step) for step in detail["loc"])
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    kind = detail["type"]
    if kind == "extra_forbidden":
        return Problem(f"Additional property {last} is not allowed", field)
    if kind in ("missing", "too_short", "string_too_short") and last in _MISSING:
        return Problem(_MISSING[last], f"{field}.email" if last == "from" else field)
    if kind in _TYPES:
        return Problem(
            f"Invalid type. Expected: {_TYPES[kind]}, given: {_kind_of(detail['input'])}.", field
        )
    return Problem(detail["msg"].removeprefix("Value error, "), field)


def _kind_of(value: Any) -> str:
    return _GIVEN.get(type(value), "unknown")

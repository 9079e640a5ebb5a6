"""What a route says of the errors that it can answer, and how OpenAPI shows them.

A route names the codes that are its own: `responses=errors(ErrorCode.EMAIL_TAKEN)`. Those that
follow from what it is (a body, an id in its path, callers that it tells apart) are added by
`servicekit.described_answers`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from contracts.envelope import ErrorDetail, ErrorEnvelope
from contracts.error_codes import ErrorCode
from contracts.error_statuses import STATUS_OF
from servicekit.api_document import Document

CODES: Final = "x-error-codes"
"""Where a response lists the codes that its `error` can hold."""

_SENTENCES: Final = {
    400: "The body cannot be read.",
    401: "There are no valid credentials.",
    403: "The caller may not do this.",
    404: "It does not exist, or it belongs to somebody else.",
    409: "The present state does not allow it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "What is asked for is not valid.",
    429: "The caller asks for more than their rate.",
    503: "A part of the system is away, or too much is waiting.",
}
_DETAIL: Final = ErrorDetail(field="name", code="missing", message="Field required")
_SECONDS: Final = {"type": "integer", "minimum": 0}
_HEADERS: Final[Mapping[int, Mapping[str, Any]]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "RFC 6750."}},
    409: {"Retry-After": {"schema": _SECONDS, "description": "Seconds, where waiting helps."}},
    429: {"Retry-After": {"schema": _SECONDS, "required": True, "description": "Seconds."}},
    503: {"Retry-After": {"schema": _SECONDS, "required": True, "description": "Seconds."}},
}


def errors(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: the codes that it can answer, beside those of what it is.

    Codes of the status 202, of what is accepted and not sent, are shown beside its success.
    """
    answers: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        answers.setdefault(STATUS_OF[code], {CODES: []})[CODES].append(code.value)
    return answers


def error_response(status: int, codes: Iterable[ErrorCode]) -> Document:
    """A response of an error, with an example for each code."""
    codes = list(codes)
    return {
        "description": described(_SENTENCES[status], codes),
        CODES: [code.value for code in codes],
        "headers": dict(_HEADERS.get(status, {})),
        "content": {
            "application/json": {
                "schema": {
                    "allOf": [{"$ref": "#/components/schemas/ErrorEnvelope"}],
                    "properties": {"error": {"enum": [code.value for code in codes]}},
                },
                "examples": {
                    code.value: {
                        "summary": code.remedy,
                        "value": _example(code, _SENTENCES[status]),
                    }
                    for code in codes
                },
            }
        },
    }


def described(sentence: str, codes: Iterable[ErrorCode]) -> str:
    """A sentence, and each code with its remedy, in Markdown."""
    return "\n".join([sentence, "", *(f"- `{code.value}`: {code.remedy}" for code in codes)])


def add_error_schemas(document: Document) -> None:
    """Put the envelope of errors, and all codes with their remedies, into the document."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)  # FastAPI's own; ours replaces it everywhere
    envelope = ErrorEnvelope.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= envelope.pop("$defs")
    envelope["required"] = ["success", "message", "data", "error", "meta"]
    envelope["properties"]["success"]["const"] = False
    schemas["ErrorEnvelope"] = envelope
    schemas["ErrorCode"]["description"] = described("What can be done about each.", ErrorCode)


def _example(code: ErrorCode, sentence: str) -> Document:
    invalid = code is ErrorCode.VALIDATION_FAILED
    error = ErrorEnvelope(message=sentence, error=code, details=[_DETAIL] if invalid else None)
    return error.model_dump(mode="json", exclude=set() if invalid else {"details"})

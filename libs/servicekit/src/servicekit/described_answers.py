"""Says in OpenAPI exactly what each route can answer, with examples.

What follows from what a route is, is derived: a body can be unreadable, too large or invalid, an
id unknown, a caller a stranger, a server away. The rest it declares by `documented_errors.errors`.
"""

from collections.abc import Iterator
from typing import Final

from fastapi import FastAPI
from fastapi.routing import RouteContext

from contracts.error_codes import ErrorCode
from contracts.error_statuses import STATUS_OF
from servicekit.access import declared_access
from servicekit.api_document import Document, amend_document, operations_of, resolved
from servicekit.correlation import CORRELATION_HEADER
from servicekit.documented_errors import CODES, add_error_schemas, described, error_response
from servicekit.documented_examples import (
    show_answer_examples,
    show_body_examples,
    show_unsent_examples,
)
from servicekit.restored_nulls import restore_nulls

_CORRELATION: Final = {
    "schema": {"type": "string"},
    "required": True,
    "description": "Names the request in logs and messages.",
}
_CALLERS: Final = (
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.FORBIDDEN,
    ErrorCode.DEPENDENCY_UNAVAILABLE,  # whoever tells callers apart asks somebody for something
)
_RULES_OF_TEXTS: Final = {"pattern", "minLength", "maxLength", "format", "enum", "const"}
_JSON_BODY: Final = (
    ErrorCode.MALFORMED_REQUEST,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.VALIDATION_FAILED,
)


def describe_answers(app: FastAPI) -> None:
    """Complete the answers of each route in the application's OpenAPI document."""

    def describe(document: Document) -> None:
        restore_nulls(document)
        add_error_schemas(document)
        for route, operation in operations_of(app, document):
            declared = _take_declared(operation)
            show_body_examples(operation, document)
            show_answer_examples(operation, document)
            codes = dict.fromkeys([*_derived(route, operation, document, declared), *declared])
            _show_codes(list(codes), operation, document)
            operation["responses"] = dict(sorted(operation["responses"].items()))
            for response in operation["responses"].values():
                response.setdefault("headers", {})[CORRELATION_HEADER] = _CORRELATION

    amend_document(app, describe)


def _take_declared(operation: Document) -> list[ErrorCode]:
    """Take out what `errors` and FastAPI left among the responses."""
    declared: list[ErrorCode] = []
    for status, response in list(operation["responses"].items()):
        declared += map(ErrorCode, response.pop(CODES, ()))
        if not status.startswith("2") and ("content" not in response or _is_fastapis_own(response)):
            del operation["responses"][status]
    return declared


def _is_fastapis_own(response: Document) -> bool:
    schema: Document = response["content"].get("application/json", {}).get("schema", {})
    return schema.get("$ref") == "#/components/schemas/HTTPValidationError"


def _derived(
    route: RouteContext, operation: Document, document: Document, declared: list[ErrorCode]
) -> Iterator[ErrorCode]:
    parameters = operation.get("parameters", ())
    if declared_access(route) is not None:
        yield from _CALLERS
    if "requestBody" in operation:
        yield ErrorCode.PAYLOAD_TOO_LARGE
    if route.body_field is not None:
        yield from _JSON_BODY
    if any(_may_be_invalid(parameter, document) for parameter in parameters):
        yield ErrorCode.VALIDATION_FAILED
    has_id = any(parameter["in"] == "path" for parameter in parameters)
    if has_id and all(STATUS_OF[code] != 404 for code in declared):
        yield ErrorCode.NOT_FOUND


def _may_be_invalid(parameter: Document, document: Document) -> bool:
    """Whether a value is refused as such; a text without rules never is."""
    schema = resolved(parameter["schema"], document)
    kinds = schema.get("anyOf", [schema])
    return any(
        kind.get("type") not in {"string", "null"} or kind.keys() & _RULES_OF_TEXTS
        for kind in kinds
    )


def _show_codes(codes: list[ErrorCode], operation: Document, document: Document) -> None:
    responses = operation["responses"]
    for status in sorted({STATUS_OF[code] for code in codes}):
        of_it = [code for code in codes if STATUS_OF[code] == status]
        if status < 300:
            response = responses[str(status)]
            response["description"] = described(f"{response['description']}. Or not sent:", of_it)
            response[CODES] = [code.value for code in of_it]
            show_unsent_examples(response, document, of_it)
        else:
            responses[str(status)] = error_response(status, of_it)

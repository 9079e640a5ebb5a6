"""The one place where errors become answers: ours, the framework's, and those of validation."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from contracts.envelope import ErrorDetail, ErrorEnvelope
from contracts.error_codes import ErrorCode
from servicekit.allowed_methods import allowed_methods
from servicekit.errors import MAX_DETAILS, MAX_FIELD_CHARACTERS, ServiceError
from servicekit.json_route import UnfitTextError

_CODE_BY_STATUS = {
    400: ErrorCode.MALFORMED_REQUEST,
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.PAYLOAD_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    422: ErrorCode.VALIDATION_FAILED,
    429: ErrorCode.RATE_LIMITED,
    503: ErrorCode.DEPENDENCY_UNAVAILABLE,
}


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of this application with the envelope."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(UnfitTextError, _unfit_text)
    app.add_exception_handler(HTTPException, _http_exception)


def render_error(
    status: int, error: ErrorEnvelope, headers: Mapping[str, str] | None = None
) -> Response:
    """The envelope as a response; `details` is there only where there are any."""
    body = error.model_dump_json(exclude={"details"} if error.details is None else None)
    return Response(body, status, dict(headers or {}), "application/json")


def too_large(max_bytes: int) -> Response:
    """The answer to a body of more than `max_bytes`."""
    message = f"The body is larger than {max_bytes} bytes."
    return render_error(413, ErrorEnvelope(message=message, error=ErrorCode.PAYLOAD_TOO_LARGE))


async def _service_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    envelope = ErrorEnvelope(message=error.message, error=error.code, details=error.details)
    return render_error(error.status, envelope, error.headers)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    code = _CODE_BY_STATUS.get(error.status_code, ErrorCode.INTERNAL_ERROR)
    envelope = ErrorEnvelope(message=_sentence(error), error=code)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(allowed_methods(request.app, request.scope["path"]))
    return render_error(error.status_code, envelope, headers)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if any(item["type"] == "json_invalid" for item in errors):
        return render_error(
            400,
            ErrorEnvelope(
                message=f"The body is not valid JSON: {errors[0].get('ctx', {}).get('error', '')}.",
                error=ErrorCode.MALFORMED_REQUEST,
            ),
        )
    if _body_is_not_json(request):
        return render_error(
            415,
            ErrorEnvelope(
                message="The body must be sent as application/json.",
                error=ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            ),
        )
    return _invalid([detail_of(item) for item in errors[:MAX_DETAILS]])


async def _unfit_text(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnfitTextError)
    return _invalid(error.details)


def _invalid(details: Sequence[ErrorDetail]) -> Response:
    fields = ", ".join(dict.fromkeys(detail.field for detail in details))
    return render_error(
        422,
        ErrorEnvelope(
            message=f"The request is not valid: {fields}.",
            error=ErrorCode.VALIDATION_FAILED,
            details=list(details),
        ),
    )


def detail_of(item: Mapping[str, Any]) -> ErrorDetail:
    """Turn one error of pydantic's into ours; the leading `body`, `query` … is dropped."""
    return ErrorDetail(
        field=_field_path(item["loc"]),
        code=str(item["type"]),
        message=_without_prefix(str(item["msg"])),
    )


def _without_prefix(message: str) -> str:
    """What a validator said, without pydantic's name for how it said it."""
    for prefix in ("Value error, ", "Assertion failed, "):
        message = message.removeprefix(prefix)
    return message


def _field_path(location: Sequence[str | int]) -> str:
    parts = [str(part) for part in location]
    if len(parts) > 1 and parts[0] in {"body", "query", "path", "header"}:
        parts = parts[1:]
    return ".".join(parts)[:MAX_FIELD_CHARACTERS] or "body"


def _body_is_not_json(request: Request) -> bool:
    has_body = request.headers.get("content-length", "0") != "0" or (
        "transfer-encoding" in request.headers
    )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
    return has_body and request.method in {"POST", "PUT", "PATCH"} and not is_json


def _sentence(error: HTTPException) -> str:
    match error.status_code:
        case 404:
            return "There is nothing at this path."
        case 405:
            return "This path does not take this method."
        case 413:
            return "The body is larger than this path takes."
        case _:
            return str(error.detail)

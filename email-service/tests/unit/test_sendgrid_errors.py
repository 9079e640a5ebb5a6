"""Every status of SendGrid's, and what follows from it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.http_exchange import HttpAnswer
from email_service.adapters.sendgrid_errors import read_problems, seconds_to_wait, to_delivery_error

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def answer(status: int, *errors: Any, **headers: str) -> HttpAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status, named, json.dumps({"errors": list(errors)}).encode())


def problem(field: str | None, message: str = "It is wrong.") -> dict[str, str | None]:
    return {"message": message, "field": field, "help": None}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (301, "redirected"),
        (401, "credentials_refused"),
        (403, "access_refused"),
        (404, "api_not_found"),
        (405, "api_not_found"),
        (429, "throttled"),
        (500, "internal_error"),
        (503, "unavailable"),
    ],
)
def test_what_is_sendgrids_own_trouble_goes_to_the_next_provider(status: int, reason: str) -> None:
    error = to_delivery_error(answer(status, problem(None)), NOW)
    assert isinstance(error, TransientDeliveryError)
    assert (error.reason, error.provider_failed, error.reply_code) == (reason, True, str(status))
    assert error.detail == "It is wrong."


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "invalid_payload"), (413, "payload_too_large"), (415, "request_refused")],
)
def test_what_is_wrong_with_the_mail_is_permanent(status: int, reason: str) -> None:
    error = to_delivery_error(answer(status, problem("content.0.value")), NOW)
    assert type(error) is PermanentDeliveryError
    assert error.reason == reason


@pytest.mark.parametrize("status", [200, 204, 408, 502, 504, 599])
def test_what_leaves_open_whether_it_was_taken_is_ambiguous(status: int) -> None:
    assert isinstance(to_delivery_error(answer(status), NOW), AmbiguousDeliveryError)


@pytest.mark.parametrize(
    ("fields", "kind", "reason"),
    [
        (["personalizations.0.to.0.email"], InvalidRecipientError, "invalid_recipient"),
        (["personalizations.0.to"], InvalidRecipientError, "invalid_recipient"),
        (["personalizations.0.tokens"], PermanentDeliveryError, "invalid_payload"),
        (["from.email"], TransientDeliveryError, "sender_refused"),
        (["from", "reply_to.email"], TransientDeliveryError, "sender_refused"),
        (["from", "subject"], PermanentDeliveryError, "invalid_payload"),
        (["personalizations.0.to.0.email", None], PermanentDeliveryError, "invalid_payload"),
        ([], PermanentDeliveryError, "invalid_payload"),
    ],
)
def test_a_refused_request_is_judged_by_the_fields_that_it_names(
    fields: list[str | None], kind: type[DeliveryError], reason: str
) -> None:
    error = to_delivery_error(answer(400, *map(problem, fields)), NOW)
    assert (type(error), error.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"X_RateLimit_Reset": str(int(NOW.timestamp()) + 30)}, 30.0),
        (429, {"X_RateLimit_Reset": "1"}, 0.0),
        (429, {"X_RateLimit_Reset": "soon"}, None),
        (429, {"Retry_After": "7", "X_RateLimit_Reset": "9999999999"}, 7.0),
        (503, {"Retry_After": "Fri, 20 Nov 2026 12:01:00 GMT"}, 60.0),
        (503, {"Retry_After": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        (503, {"Retry_After": "later"}, None),
        (503, {"Retry_After": "9" * 40}, 999_999_999.0),
        (503, {"X_RateLimit_Reset": "9999999999"}, None),
        (503, {}, None),
    ],
)
def test_waits_as_long_as_it_is_asked_to(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    assert seconds_to_wait(answer(status, **headers), NOW) == seconds


@pytest.mark.parametrize(
    "body",
    [None, b"", b"<html>", b"[]", b'{"errors": 5}', b'{"errors": [5]}', b"[" * 100_000, b"\xff"],
)
def test_reads_nothing_out_of_what_is_no_error_document(body: bytes | None) -> None:
    problems = read_problems(HttpAnswer(400, {}, body))
    assert (problems.messages, problems.fields) == ((), ())

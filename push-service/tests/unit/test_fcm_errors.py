import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from push_deliveries import NOON

from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.http_exchange import HttpAnswer
from push_service.adapters.fcm_errors import is_token_refused, to_delivery_error

FCM = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
T, P, I = TransientDeliveryError, PermanentDeliveryError, InvalidRecipientError  # noqa: E741


def answer(
    http: int,
    status: str,
    code: str | None = None,
    wrong_field: str | None = None,
    retry_after: str | None = None,
) -> HttpAnswer:
    details: list[dict[str, Any]] = []
    if code:
        details.append({"@type": FCM, "errorCode": code})
    if wrong_field:
        violation = {"field": wrong_field, "description": "wrong"}
        details.append({"@type": BAD_REQUEST, "fieldViolations": [violation]})
    error = {"code": http, "message": "why", "status": status, "details": details}
    return HttpAnswer(
        http,
        {"Retry-After": retry_after} if retry_after else {},
        json.dumps({"error": error}).encode(),
    )


@pytest.mark.parametrize(
    ("given_answer", "kind", "reason", "reply_code"),
    [
        (answer(404, "NOT_FOUND", "UNREGISTERED"), I, "unregistered", "UNREGISTERED"),
        (
            answer(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
            I,
            "invalid_token",
            "INVALID_ARGUMENT",
        ),
        (
            answer(400, "INVALID_ARGUMENT", None, "message.token"),
            I,
            "invalid_token",
            "INVALID_ARGUMENT",
        ),
        (
            answer(400, "INVALID_ARGUMENT", None, "message.data[0].value"),
            P,
            "invalid_payload",
            "INVALID_ARGUMENT",
        ),
        (
            answer(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "message.android.ttl"),
            P,
            "invalid_payload",
            "INVALID_ARGUMENT",
        ),
        (answer(400, "INVALID_ARGUMENT"), P, "invalid_payload", "INVALID_ARGUMENT"),
        (
            answer(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
            P,
            "sender_id_mismatch",
            "SENDER_ID_MISMATCH",
        ),
        (HttpAnswer(413, {}, b"<html>"), P, "payload_too_large", "413"),
        (HttpAnswer(405, {}, b""), P, "request_refused", "405"),
    ],
)
def test_what_no_attempt_can_change(
    given_answer: HttpAnswer, kind: type[DeliveryError], reason: str, reply_code: str
) -> None:
    error = to_delivery_error(given_answer, NOON)
    assert type(error) is kind
    assert (error.reason, error.reply_code) == (reason, reply_code)


@pytest.mark.parametrize(
    ("given_answer", "reason", "retry_after"),
    [
        (answer(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), "quota_exceeded", 60.0),
        (
            answer(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", retry_after="7"),
            "quota_exceeded",
            7.0,
        ),
        (HttpAnswer(429, {"Retry-After": "0"}, None), "quota_exceeded", 0.0),
        (
            answer(503, "UNAVAILABLE", "UNAVAILABLE", retry_after="Fri, 20 Nov 2026 12:00:20 GMT"),
            "unavailable",
            20.0,
        ),
        (answer(503, "UNAVAILABLE"), "unavailable", None),
        (answer(500, "INTERNAL", "INTERNAL"), "internal_error", None),
        (HttpAnswer(503, {"Retry-After": "9"}, b"<html>Service unavailable"), "unavailable", 9.0),
        (HttpAnswer(302, {}, b""), "redirected", None),
        (answer(504, "UNAVAILABLE", "UNAVAILABLE"), "unavailable", None),
        (
            answer(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
            "third_party_auth_error",
            None,
        ),
        (answer(401, "UNAUTHENTICATED"), "credentials_refused", None),
        (answer(403, "PERMISSION_DENIED"), "credentials_refused", None),
        (answer(404, "NOT_FOUND"), "project_not_found", None),
    ],
)
def test_trouble_with_fcm_or_our_project_is_not_the_devices(
    given_answer: HttpAnswer, reason: str, retry_after: float | None
) -> None:
    error = to_delivery_error(given_answer, NOON)
    assert isinstance(error, TransientDeliveryError)
    assert (error.reason, error.retry_after, error.provider_failed) == (reason, retry_after, True)


@pytest.mark.parametrize(
    ("given_answer", "reply_code"),
    [
        (HttpAnswer(408, {}, b""), "408"),
        (HttpAnswer(502, {}, b"<html>Bad gateway"), "502"),
        (HttpAnswer(504, {"Retry-After": "5"}, b"<html>Gateway time-out"), "504"),
        (answer(504, "DEADLINE_EXCEEDED"), "DEADLINE_EXCEEDED"),
        (HttpAnswer(202, {}, b""), "202"),
        (HttpAnswer(520, {}, None), "520"),
    ],
)
def test_an_answer_that_may_hide_a_taken_message_is_ambiguous(
    given_answer: HttpAnswer, reply_code: str
) -> None:
    error = to_delivery_error(given_answer, NOON)
    assert isinstance(error, AmbiguousDeliveryError)
    assert (error.reason, error.reply_code) == ("unexpected_answer", reply_code)


def test_only_a_plain_401_asks_for_another_access_token() -> None:
    assert is_token_refused(answer(401, "UNAUTHENTICATED"))
    assert is_token_refused(HttpAnswer(401, {}, None))
    assert not is_token_refused(answer(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"))
    assert not is_token_refused(answer(403, "PERMISSION_DENIED"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "details", "@type", "errorCode", "fieldViolations", "field"]),
            inner | st.sampled_from([FCM, BAD_REQUEST]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.integers(100, 599), json_values.map(lambda value: json.dumps(value).encode()))
def test_no_error_document_makes_it_fail_or_gives_up_a_device(status: int, body: bytes) -> None:
    error = to_delivery_error(HttpAnswer(status, {}, body), NOON)
    assert not isinstance(error, InvalidRecipientError) or b'"field"' in body

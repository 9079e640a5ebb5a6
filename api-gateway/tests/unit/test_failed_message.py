import hashlib
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import NOW, message_of, notification, outcome

from api_gateway.domain.failed_message import FailedMessage, NewDeadLetter, read_failed_message
from contracts.delivery_message import HEADER_DEAD_DETAIL, HEADER_DEAD_REASON
from contracts.outcome import OutcomeKind, outcome_event_id


def read(body: bytes, **headers: Any) -> NewDeadLetter:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_failed_message(FailedMessage(body, named), NOW)


def delivery_body(**changes: Any) -> tuple[UUID, bytes]:
    one = notification()
    message = message_of(one, one.deliveries[0]).model_copy(update=changes)
    return one.id, message.model_dump_json().encode()


def test_a_delivery_is_known_by_all_that_an_operator_filters_by() -> None:
    notification_id, body = delivery_body(generation=2, template_code="reset", retry_count=5)
    letter = read(body, x_dead_reason="smtp_550", x_dead_detail="550 no", x_tier=4)
    document = json.loads(body)
    assert (letter.delivery_id, letter.generation) == (UUID(document["delivery_id"]), 2)
    assert (letter.notification_id, letter.notification_type) == (notification_id, "email")
    assert (letter.client_id, letter.template_code) == ("application:a", "reset")
    assert (letter.reason, letter.detail) == ("smtp_550", "550 no")
    assert letter.headers == {"x-dead-reason": "smtp_550", "x-dead-detail": "550 no", "x-tier": 4}
    assert (letter.body, letter.digest) == (body, hashlib.sha256(body).hexdigest())


def test_a_dead_delivery_says_so_in_its_history_under_a_stable_id() -> None:
    _, body = delivery_body(generation=1, correlation_id="corr-7")
    event = read(body, x_dead_reason="poison").event
    assert event is not None
    assert event.kind is OutcomeKind.DEAD_LETTERED
    assert event.event_id == outcome_event_id(OutcomeKind.DEAD_LETTERED, event.delivery_id, 1)
    assert (event.generation, event.attempt, event.at) == (1, 0, NOW)
    assert (event.reason, event.correlation_id) == ("poison", "corr-7")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "unknown"),
        ({"x-first-death-reason": "delivery_limit"}, "delivery_limit"),
        ({"x-first-death-reason": "rejected"}, "rejected"),
        (
            {"x-first-death-reason": "rejected", "x-first-death-queue": "gateway.outcomes"},
            "outcome_refused",
        ),
        (
            {"x-first-death-reason": "delivery_limit", "x-first-death-queue": "gateway.outcomes"},
            "delivery_limit",
        ),
        (
            {"x-first-death-reason": "rejected", "x-first-death-queue": "users.suppressions"},
            "suppression_refused",
        ),
        (
            {"x-first-death-reason": "delivery_limit", "x-first-death-queue": "users.suppressions"},
            "suppression_refused",
        ),
        ({HEADER_DEAD_REASON: "poison", "x-first-death-reason": "delivery_limit"}, "poison"),
        ({HEADER_DEAD_REASON: b"poison"}, "poison"),
        ({HEADER_DEAD_REASON: 7}, "unknown"),
        ({HEADER_DEAD_REASON: "r" * 300}, "r" * 100),
    ],
)
def test_the_reason_is_the_workers_else_the_brokers(headers: dict[str, Any], reason: str) -> None:
    assert read_failed_message(FailedMessage(b"?", headers), NOW).reason == reason


def test_a_refused_outcome_is_no_delivery_and_names_its_notification() -> None:
    refused = outcome(notification_id=UUID(int=9))
    letter = read(refused.model_dump_json().encode(), x_first_death_reason="rejected")
    assert (letter.delivery_id, letter.event) == (None, None)
    assert letter.notification_id == UUID(int=9)
    assert str(refused.delivery_id) in str(letter.detail)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\x00",
        b"{}",
        b"[1]",
        delivery_body(generation=2**31)[1],
        delivery_body(v=99)[1],
    ],
)
def test_what_cannot_be_read_is_kept_as_bytes(body: bytes) -> None:
    letter = read(body)
    assert (letter.body, letter.delivery_id, letter.event) == (body, None, None)
    assert letter.digest == hashlib.sha256(body).hexdigest()


def test_only_plain_headers_are_kept() -> None:
    headers: dict[str, object] = {
        "text": "a\0b\ud800",
        "bytes": b"\xff",
        "number": 3,
        "yes": True,
        "half": 0.5,
        "nan": float("nan"),
        "huge": 2**70,
        "table": {"x-death": []},
        "list": [1],
        "time": NOW,
    }
    letter = read_failed_message(FailedMessage(b"?", headers), NOW)
    assert letter.headers == {
        "text": "a?b?",
        "bytes": "\ufffd",
        "number": 3,
        "yes": True,
        "half": 0.5,
    }


TEXTS = st.text(st.characters(exclude_categories=()), max_size=150)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.binary(max_size=150)


@given(
    st.binary(max_size=50) | st.builds(lambda text: delivery_body(client_id=text)[1], st.text()),
    st.dictionaries(
        st.sampled_from([HEADER_DEAD_REASON, HEADER_DEAD_DETAIL, "x-first-death-reason"]) | TEXTS,
        VALUES,
    ),
)
def test_whatever_comes_can_be_stored(body: bytes, headers: dict[str, object]) -> None:
    letter = read_failed_message(FailedMessage(body, headers), NOW)
    texts = [letter.reason, letter.detail, letter.client_id, json.dumps(letter.headers)]
    for text in texts:
        assert text is None or "\0" not in text.encode().decode()
    for word in (letter.reason, letter.client_id, letter.template_code):
        assert word is None or len(word) <= 100
    assert "\\u0000" not in json.dumps(letter.headers)
    assert letter.reason


def test_the_bytes_alone_are_what_nothing_can_refuse() -> None:
    _, body = delivery_body()
    letter = read(body, x_dead_reason="poison", x_dead_detail="why")
    alone = letter.as_bytes_alone()
    assert alone == NewDeadLetter(body=body, digest=letter.digest, reason="unstorable")


def test_an_outcome_that_two_queues_refuse_is_two_dead_letters() -> None:
    """One is replayed into the history, the other tells of a suppression that is missing."""
    body = outcome().model_dump_json().encode()
    digests = {
        queue: read_failed_message(
            FailedMessage(body, {"x-first-death-reason": "rejected", "x-first-death-queue": queue}),
            NOW,
        ).digest
        for queue in ("gateway.outcomes", "users.suppressions")
    }
    assert len(set(digests.values())) == 2

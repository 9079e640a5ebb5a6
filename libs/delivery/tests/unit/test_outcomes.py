"""The events that report attempts."""

import time
from uuid import UUID

import pytest
from deliveries import START, make_delivery

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome, OutcomeKind
from delivery.outcomes import outcome_of


def event_id(message: DeliveryMessage, kind: OutcomeKind) -> UUID:
    return outcome_of(message, kind, at=START).event_id


def test_the_same_end_of_the_same_attempt_is_the_same_event() -> None:
    message = make_delivery()
    copy = message.model_copy(update={"not_before": START, "metadata": {"a": 1}})
    assert event_id(message, OutcomeKind.SENT) == event_id(copy, OutcomeKind.SENT)


def test_the_id_of_an_event_stays_what_it_was_in_earlier_releases() -> None:
    message = make_delivery(delivery_id="00000000-0000-7000-8000-000000000001", retry_count=2)
    assert str(event_id(message, OutcomeKind.SENT)) == "8cf915ff-1aa9-5363-8ac7-ea730a8149ab"


def test_another_attempt_generation_kind_or_delivery_is_another_event() -> None:
    message = make_delivery()
    others = [
        event_id(message, OutcomeKind.SENT),
        event_id(message, OutcomeKind.FAILED),
        event_id(message.model_copy(update={"retry_count": 1}), OutcomeKind.SENT),
        event_id(message.model_copy(update={"generation": 1}), OutcomeKind.SENT),
        event_id(make_delivery(), OutcomeKind.SENT),
    ]
    assert len(set(others)) == 5


def test_attempts_count_from_one_and_none_is_zero() -> None:
    message = make_delivery(retry_count=2)
    assert outcome_of(message, OutcomeKind.SENT, at=START).attempt == 3
    assert outcome_of(message, OutcomeKind.EXPIRED, at=START, attempted=False).attempt == 0


def test_a_long_detail_is_shortened_and_an_empty_one_left_out() -> None:
    message = make_delivery()
    long = outcome_of(message, OutcomeKind.FAILED, at=START, detail="x" * 2000)
    assert long.detail == "x" * 500
    assert outcome_of(message, OutcomeKind.FAILED, at=START, detail="").detail is None


def test_whatever_bytes_a_provider_answers_the_event_can_be_written_and_read() -> None:
    # Clients of text protocols decode foreign bytes to lone surrogates, which are not Unicode;
    # PostgreSQL takes no NUL.
    odd = "550 Empf\udce4nger\x00 unbekannt"
    outcome = outcome_of(
        make_delivery(),
        OutcomeKind.FAILED,
        at=START,
        provider_message_id=odd,
        reply_code=odd,
        reason=odd,
        detail=odd,
    )
    again = DeliveryOutcome.model_validate_json(outcome.model_dump_json())
    assert again == outcome
    assert again.detail == "550 Empf?nger? unbekannt"
    assert again.provider_message_id == again.reply_code == again.reason == again.detail


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("550 5.1.1 <john@example.com>: unknown", "550 5.1.1 <j***@example.com>: unknown"),
        ("john.o'hara+tag@example.com is full", "j***@example.com is full"),
        ("rcpt:john@example.com,jane@example.org", "rcpt:j***@example.com,j***@example.org"),
        ("SRS0=x=y=example.com=john@example.net", "S***@example.net"),
        ("jürgen@müller.example", "j***@müller.example"),
        ("j@example.com", "j***@example.com"),
        ("at 12:00 @ noon, no address", "at 12:00 @ noon, no address"),
    ],
)
def test_addresses_in_a_detail_are_masked(detail: str, told: str) -> None:
    outcome = outcome_of(make_delivery(), OutcomeKind.FAILED, at=START, detail=detail)
    assert outcome.detail == told


def test_an_address_across_the_end_of_a_shortened_detail_is_masked() -> None:
    detail = "x " * 248 + "john@example.com"
    outcome = outcome_of(make_delivery(), OutcomeKind.FAILED, at=START, detail=detail)
    assert str(outcome.detail).endswith(" j***")


def test_a_huge_detail_costs_little_time() -> None:
    started = time.monotonic()
    outcome_of(make_delivery(), OutcomeKind.FAILED, at=START, detail="a" * 1_000_000)
    assert time.monotonic() - started < 2

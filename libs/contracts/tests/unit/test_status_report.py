from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from contracts.outcome import REPORTED_KINDS, STATUS_AFTER, DeliveryOutcome, OutcomeKind
from contracts.status_report import (
    KIND_OF,
    MAX_ATTEMPT,
    DeliveryStatusReport,
    ReportedStatus,
    StatusReport,
    outcome_of_report,
)

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
NOTIFICATION = "notif_0193f1a07c1a7b1e9c553f1a2b4c5d6e"
DELIVERY = UUID("0193f1a0-7c1b-7d55-8f21-5b1f0c9e7a42")


def report(**changes: Any) -> StatusReport:
    return StatusReport.model_validate(
        {"notification_id": NOTIFICATION, "status": "delivered", **changes}
    )


def outcome(
    *, generation: int = 0, delivery_id: UUID = DELIVERY, now: datetime = NOW, **changes: Any
) -> DeliveryOutcome:
    return outcome_of_report(
        report(**changes),
        delivery_id=delivery_id,
        generation=generation,
        now=now,
        correlation_id="corr-1",
    )


def test_every_word_becomes_an_event_that_the_relay_records() -> None:
    assert set(KIND_OF) == set(ReportedStatus)
    assert set(KIND_OF.values()) <= set(REPORTED_KINDS)
    told = {status.value: STATUS_AFTER[kind].value for status, kind in KIND_OF.items()}
    assert told == {
        "pending": "pending",
        "delivered": "delivered",
        "failed": "failed",
        "bounced": "bounced",
        "complained": "delivered",
    }


def test_what_is_said_is_kept() -> None:
    made = outcome(
        status="bounced",
        timestamp="2026-12-01T12:59:00+01:00",
        reason="invalid_recipient",
        error="550 <grace@example.com> no such user",
        provider="smtp",
        provider_message_id="<1@example.com>",
        attempt=2,
        generation=3,
    )
    assert (made.kind, made.at) == (OutcomeKind.BOUNCED, NOW - timedelta(minutes=1))
    assert (made.reason, made.detail) == (
        "invalid_recipient",
        "550 <g***@example.com> no such user",
    )
    assert (made.provider, made.provider_message_id) == ("smtp", "<1@example.com>")
    assert (made.delivery_id, made.notification_id, made.attempt) == (DELIVERY, NOTIFICATION, 2)


def test_the_same_report_twice_is_one_event_and_whoever_takes_it() -> None:
    said: dict[str, Any] = {"status": "failed", "timestamp": "2026-12-01T11:00:00Z"}
    first = outcome(**said)
    assert outcome(**said, now=NOW + timedelta(hours=1)) == first
    elsewhere: dict[str, Any] = {**said, "timestamp": "2026-12-01T12:00:00+01:00", "provider": None}
    assert outcome(**elsewhere).event_id == first.event_id
    named = DeliveryStatusReport.model_validate(
        {"notification_id": NOTIFICATION, "delivery_id": DELIVERY, **said}
    )
    by_worker = outcome_of_report(
        named,
        delivery_id=named.delivery_id,
        generation=named.generation,
        now=NOW,
        correlation_id="corr-1",
    )
    assert by_worker == first


def test_the_id_of_a_report_stays_what_it_was_in_earlier_releases() -> None:
    made = outcome(status="failed", error="gone", attempt=1, timestamp="2026-12-01T11:00:00Z")
    assert str(made.event_id) == "a47a63b7-580e-5ed6-beff-a16b74679e1e"


def test_reports_that_say_different_things_are_different_events() -> None:
    others = [
        outcome(),
        outcome(status="failed"),
        outcome(attempt=1),
        outcome(timestamp="2026-12-01T11:00:00Z"),
        outcome(reason="a"),
        outcome(error="a"),
        outcome(provider="a"),
        outcome(provider_message_id="a"),
        outcome(generation=1),
        outcome(delivery_id=UUID(int=1)),
    ]
    assert len({made.event_id for made in others}) == len(others)


def test_an_id_that_is_given_is_the_event_s() -> None:
    given = UUID(int=5)
    assert outcome(event_id=str(given)).event_id == given
    assert outcome(event_id=str(given), error="b").event_id == given


def test_a_time_to_come_is_now() -> None:
    assert outcome(timestamp="2027-01-01T00:00:00Z").at == NOW


def test_pending_counts_no_attempt_whatever_it_says() -> None:
    assert outcome(status="pending", attempt=5).attempt == 0
    assert outcome(status="failed", attempt=5).attempt == 5


def test_the_example_is_a_report() -> None:
    for model in (StatusReport, DeliveryStatusReport):
        example = model.model_json_schema()["example"]
        assert model.model_validate(example).status is ReportedStatus.BOUNCED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "sent"),
        ("status", "expired"),
        ("status", "DELIVERED"),
        ("status", None),
        ("notification_id", "notif_1"),
        ("notification_id", NOTIFICATION + "\n"),
        ("notification_id", NOTIFICATION.upper()),
        ("delivery_id", "1"),
        ("timestamp", "2026-12-01T12:00:00"),
        ("timestamp", 1_700_000_000),
        ("timestamp", "0001-01-01T00:00:00+01:00"),
        ("reason", ""),
        ("reason", "r" * 101),
        ("reason", "a\0b"),
        ("error", "a\0b"),
        ("error", "a\ud800"),
        ("error", "e" * 2_001),
        ("provider", "p" * 51),
        ("provider", "a\nb"),
        ("provider_message_id", "a\0"),
        ("provider_message_id", "m" * 501),
        ("attempt", -1),
        ("attempt", True),
        ("attempt", "1"),
        ("attempt", MAX_ATTEMPT + 1),
        ("generation", -1),
        ("generation", 2**31),
        ("event_id", "evt-1"),
        ("deliveryId", str(DELIVERY)),
    ],
)
def test_what_cannot_be_recorded_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        report(**{field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("missing", ["notification_id", "delivery_id", "status"])
def test_whoever_looks_nothing_up_is_told_everything(missing: str) -> None:
    body = {"notification_id": NOTIFICATION, "delivery_id": str(DELIVERY), "status": "failed"}
    assert DeliveryStatusReport.model_validate(body).generation == 0
    with pytest.raises(ValidationError) as caught:
        DeliveryStatusReport.model_validate({**body, missing: None})
    assert [error["loc"][0] for error in caught.value.errors()] == [missing]

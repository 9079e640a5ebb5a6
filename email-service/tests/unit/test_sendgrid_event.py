"""What each of SendGrid's events becomes."""

from datetime import timedelta
from typing import Any

import pytest
from email_deliveries import DELIVERY_ID, NOON
from hypothesis import given, settings
from hypothesis import strategies as st
from sendgrid_posts import SUPPRESSION_KEY, an_event

from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.suppression import SuppressionReason, address_digest
from email_service.domain.delivery_reference import DeliveryReference
from email_service.domain.sendgrid_custom_args import ForeignEventError, custom_args
from email_service.domain.sendgrid_event import outcome_of_event


def outcome(event: dict[str, Any]) -> DeliveryOutcome:
    found = outcome_of_event(event, SUPPRESSION_KEY, "own")
    assert found is not None
    return found


def test_an_event_is_about_the_attempt_that_made_it() -> None:
    found = outcome(an_event("delivered", response="250 2.0.0 OK", attempt="9"))
    assert (found.kind, found.reason) == (OutcomeKind.SENT, "delivered")
    assert (found.delivery_id, found.notification_id) == (DELIVERY_ID, "ntf_1")
    assert (found.generation, found.attempt, found.correlation_id) == (2, 3, "corr-1")
    assert (found.provider, found.provider_message_id) == ("sendgrid", "sg-1.recvd-0")
    assert (found.reply_code, found.at) == ("250 2.0.0", NOON - timedelta(seconds=59.001))
    assert found.suppression is None


@pytest.mark.parametrize(
    ("fields", "reason", "suppresses"),
    [
        ({"type": "bounce", "status": "5.1.1"}, "invalid_recipient", True),
        ({"type": "bounce", "status": "5.0.0"}, "invalid_recipient", True),
        ({"type": "bounce"}, "invalid_recipient", True),
        ({"type": "bounce", "status": "5.2.2"}, "mailbox_full", False),
        ({"type": "bounce", "status": "5.7.1"}, "policy_refused", False),
        (
            {"type": "bounce", "status": "5.0.0", "bounce_classification": "Content"},
            "refused_later",
            False,
        ),
        ({"type": "blocked", "status": "5.7.1"}, "policy_refused", False),
        ({"type": "blocked", "status": "5.0.0"}, "blocked", False),
        ({"type": "blocked"}, "blocked", False),
    ],
)
def test_a_bounce_suppresses_only_what_is_dead(
    fields: dict[str, str], reason: str, suppresses: bool
) -> None:
    found = outcome(an_event("bounce", reason="550 jane@example.com unknown", **fields))
    assert (found.kind, found.reason) == (OutcomeKind.BOUNCED, reason)
    assert found.detail == "550 j***@example.com unknown"
    assert (found.suppression is not None) is suppresses
    if found.suppression is not None:
        assert found.suppression.reason is SuppressionReason.HARD_BOUNCE
        assert found.suppression.source == "sendgrid"
        assert found.suppression.address_digest == address_digest(
            SUPPRESSION_KEY, NotificationType.EMAIL, "jane@example.com"
        )


def test_a_complaint_suppresses() -> None:
    found = outcome(an_event("spamreport"))
    assert found.kind is OutcomeKind.COMPLAINED
    assert found.suppression is not None
    assert found.suppression.reason is SuppressionReason.COMPLAINT


def test_an_address_is_known_by_the_domain_that_its_owner_writes() -> None:
    found = outcome(an_event("spamreport", email="jane@xn--mnchen-3ya.de"))
    assert found.suppression is not None
    assert found.suppression.address_digest == address_digest(
        SUPPRESSION_KEY, NotificationType.EMAIL, "jane@münchen.de"
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Bounced Address", "dropped_bounced_address"),
        ("Unsubscribed Address", "dropped_unsubscribed_address"),
        ("Spam Reporting Address", "dropped_spam_reporting_address"),
        ("Something new", "dropped"),
    ],
)
def test_what_sendgrid_drops_is_bounced_with_its_reason(said: str, reason: str) -> None:
    found = outcome(an_event("dropped", reason=said, status="5.0.0"))
    assert (found.kind, found.reason, found.detail) == (OutcomeKind.BOUNCED, reason, said)
    assert found.suppression is None


def test_a_deferral_is_recorded_with_the_receivers_words() -> None:
    found = outcome(an_event("deferred", response="450 4.7.1 try again later", attempt="5"))
    assert (found.kind, found.reason) == (OutcomeKind.DEFERRED, "deferred_by_receiver")
    assert (found.reply_code, found.detail) == ("450 4.7.1", "450 4.7.1 try again later")
    assert (found.attempt, found.parked) == (3, False)


@pytest.mark.parametrize("event", ["processed", "open", "click", "unsubscribe", "new_kind", ""])
def test_other_events_are_passed_over(event: str) -> None:
    assert outcome_of_event(an_event(event), SUPPRESSION_KEY, "own") is None


def test_a_repeated_event_is_the_same_and_a_later_one_is_not() -> None:
    first = outcome(an_event("deferred"))
    again = outcome(an_event("deferred", sg_event_id="other"))
    later = outcome(an_event("deferred", timestamp=int(NOON.timestamp())))
    assert first.event_id == again.event_id
    assert first.event_id != later.event_id
    assert first.event_id != outcome(an_event("delivered")).event_id


@pytest.mark.parametrize(
    "fields",
    [
        {"delivery_id": None},
        {"delivery_id": "dlv_1"},
        {"delivery_id": 5},
        {"generation": None},
        {"generation": "-1"},
        {"generation": "٣"},
        {"delivery_attempt": None},
        {"notification_id": None},
        {"notification_id": "x" * 101},
        {"timestamp": None},
        {"timestamp": "1337"},
        {"timestamp": -1},
        {"timestamp": 10**20},
    ],
)
def test_an_event_of_somebody_elses_mail_is_foreign(fields: dict[str, Any]) -> None:
    with pytest.raises(ForeignEventError):
        outcome_of_event(an_event("bounce", **fields), SUPPRESSION_KEY, "own")


def test_reads_back_what_was_sent_along() -> None:
    args = custom_args(DeliveryReference(DELIVERY_ID, "notif_9", 4, 6), "corr-9")
    found = outcome(an_event("delivered", **args))
    assert (found.notification_id, found.generation, found.attempt) == ("notif_9", 4, 6)
    assert found.correlation_id == "corr-9"


hostile = st.one_of(
    st.none(), st.integers(), st.text(), st.lists(st.integers(), max_size=2), st.just("\ud800\0")
)


@settings(max_examples=200, deadline=None)
@given(
    event=st.sampled_from(["bounce", "dropped", "spamreport", "delivered", "deferred"]),
    fields=st.dictionaries(
        st.sampled_from(
            ["email", "reason", "response", "status", "type", "sg_message_id", "correlation_id"]
        ),
        hostile,
    ),
)
def test_whatever_an_event_says_it_can_be_stored(event: str, fields: dict[str, Any]) -> None:
    found = outcome(an_event(event, **fields))
    assert DeliveryOutcome.model_validate_json(found.model_dump_json()) == found
    assert "\\u0000" not in found.model_dump_json()
    assert len(found.detail or "") <= 500
    assert len(found.reply_code or "") <= 100

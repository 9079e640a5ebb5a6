from datetime import timedelta
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import NOW, outcome

from api_gateway.domain.delivery_state import DeliveryState, merge, notification_status
from api_gateway.domain.identifiers import public_notification_id
from contracts.notification import NotificationStatus
from contracts.outcome import REPORTED_KINDS, STATUS_AFTER, DeliveryOutcome, OutcomeKind
from contracts.status_report import ReportedStatus, StatusReport, outcome_of_report

BORN = DeliveryState(NotificationStatus.PENDING)
DELIVERY = UUID(int=7)
Status = NotificationStatus


def after(*outcomes: DeliveryOutcome) -> DeliveryState:
    return reduce(merge, outcomes, BORN)


EVENTS = st.builds(
    lambda kind, generation, attempt, seconds, event_id, next_attempt_at: outcome(
        kind,
        delivery_id=DELIVERY,
        generation=generation,
        attempt=attempt,
        at=NOW + timedelta(seconds=seconds),
        event_id=event_id,
        next_attempt_at=next_attempt_at,
        reason=kind.value,
    ),
    st.sampled_from(OutcomeKind),
    st.integers(0, 2),
    st.integers(0, 2_000),
    st.integers(0, 3),
    st.uuids(),
    st.sampled_from([None, NOW]),
)


@given(st.data())
def test_neither_order_nor_repetition_changes_the_state(data: st.DataObject) -> None:
    events = data.draw(st.lists(EVENTS, max_size=8, unique_by=lambda event: event.event_id))
    repeated = events + data.draw(
        st.lists(st.sampled_from(events), max_size=8) if events else st.just([])
    )
    assert after(*data.draw(st.permutations(repeated))) == after(*events)


@given(st.lists(EVENTS, min_size=1, max_size=8, unique_by=lambda event: event.event_id))
def test_the_highest_generation_alone_decides_the_status(events: list[DeliveryOutcome]) -> None:
    newest = max(event.generation for event in events)
    of_newest = [event for event in events if event.generation == newest]
    assert after(*events).status == after(*of_newest).status
    assert after(*events).generation == newest


ENDS = [kind for kind in OutcomeKind if STATUS_AFTER[kind] is not Status.PENDING]
GOING_ON = [kind for kind in OutcomeKind if STATUS_AFTER[kind] is Status.PENDING]


@given(
    st.sampled_from(ENDS), st.sampled_from(GOING_ON), st.integers(0, 5_000), st.integers(0, 5_000)
)
def test_nothing_that_goes_on_undoes_an_end_of_its_generation(
    end: OutcomeKind, kind: OutcomeKind, attempt: int, next_retry_count: int
) -> None:
    ended = after(outcome(end, attempt=1))
    late = outcome(
        kind,
        attempt=attempt,
        next_retry_count=next_retry_count,
        at=NOW + timedelta(days=1),
    )
    assert merge(ended, late).status is ended.status
    assert merge(after(late), outcome(end, attempt=1)).status is ended.status


@given(st.data())
def test_several_deliveries_are_in_the_same_states_in_whatever_order_they_are_heard_of(
    data: st.DataObject,
) -> None:
    deliveries = [UUID(int=n) for n in range(3)]
    events = data.draw(st.lists(EVENTS, max_size=10, unique_by=lambda event: event.event_id))
    given_to = [
        event.model_copy(update={"delivery_id": data.draw(st.sampled_from(deliveries))})
        for event in events
    ]
    repeats = data.draw(st.lists(st.sampled_from(given_to), max_size=6)) if given_to else []

    def states(heard: list[DeliveryOutcome]) -> list[DeliveryState]:
        merged = dict.fromkeys(deliveries, BORN)
        for event in heard:
            merged[event.delivery_id] = merge(merged[event.delivery_id], event)
        return list(merged.values())

    shuffled = states(data.draw(st.permutations(given_to + repeats)))
    assert shuffled == states(given_to)
    assert notification_status(one.status for one in shuffled) is notification_status(
        one.status for one in states(given_to)
    )


def test_a_bounce_that_overtakes_its_acceptance_still_wins() -> None:
    bounced = outcome(OutcomeKind.BOUNCED, at=NOW)
    sent = outcome(OutcomeKind.SENT, at=NOW + timedelta(seconds=5))
    assert after(bounced, sent).status is Status.BOUNCED


def test_a_complaint_leaves_it_delivered_and_a_bounce_outranks_it() -> None:
    sent, complained = outcome(OutcomeKind.SENT), outcome(OutcomeKind.COMPLAINED, reason="spam")
    state = after(complained, sent)
    assert (state.status, state.reason) == (Status.DELIVERED, "spam")
    assert after(outcome(OutcomeKind.BOUNCED), complained).status is Status.BOUNCED


@pytest.mark.parametrize("gateways", [OutcomeKind.DEAD_LETTERED, OutcomeKind.DISCARDED])
@pytest.mark.parametrize(
    "workers", [kind for kind in REPORTED_KINDS if STATUS_AFTER[kind] is not Status.PENDING]
)
def test_what_a_worker_reports_of_an_end_decides_over_what_the_gateway_concludes(
    gateways: OutcomeKind, workers: OutcomeKind
) -> None:
    reported = outcome(workers, reason="smtp_550", provider="smtp", at=NOW)
    concluded = outcome(gateways, reason="rejected", at=NOW + timedelta(hours=1), attempt=0)
    for state in (after(reported, concluded), after(concluded, reported)):
        assert (state.status, state.reason) == (STATUS_AFTER[workers], "smtp_550")


def test_a_dead_letter_alone_has_failed() -> None:
    state = after(outcome(OutcomeKind.DEAD_LETTERED, attempt=0, reason="delivery_limit"))
    assert (state.status, state.reason, state.attempts) == (Status.FAILED, "delivery_limit", 0)


def test_a_replay_is_pending_again_and_counts_attempts_from_the_beginning() -> None:
    failed = outcome(OutcomeKind.FAILED, attempt=6)
    replayed = outcome(OutcomeKind.REPLAYED, attempt=0, generation=1)
    state = after(failed, replayed)
    assert (state.status, state.generation) == (Status.PENDING, 1)
    assert (state.attempts, state.attempts_of_generation) == (6, 0)
    again = outcome(OutcomeKind.DELIVERY_ATTEMPTED, attempt=2, generation=1, next_attempt_at=NOW)
    assert after(again, replayed, failed).attempts_of_generation == 2


def test_a_deferral_counts_no_attempt_and_stands_at_those_made() -> None:
    deferred = outcome(OutcomeKind.DEFERRED, attempt=0, next_retry_count=2, reason="hourly_limit")
    attempted = outcome(OutcomeKind.DELIVERY_ATTEMPTED, attempt=1)
    state = after(deferred, attempted)
    assert (state.status, state.reason) == (Status.PENDING, "hourly_limit")
    assert (state.attempts, state.attempts_of_generation) == (1, 2)
    assert after(deferred, outcome(OutcomeKind.SENT)).status is Status.DELIVERED


def test_nothing_has_been_attempted_of_what_was_never_heard_of() -> None:
    assert BORN.attempts_of_generation == 0


def test_an_attempt_that_arrives_late_does_not_undo_a_delivery() -> None:
    state = after(
        outcome(OutcomeKind.SENT, attempt=2), outcome(OutcomeKind.DELIVERY_ATTEMPTED, attempt=1)
    )
    assert (state.status, state.attempts) == (Status.DELIVERED, 2)


def test_a_replay_begins_again_and_keeps_the_count_of_attempts() -> None:
    failed = outcome(OutcomeKind.FAILED, attempt=6, reason="exhausted")
    again = outcome(OutcomeKind.DELIVERY_ATTEMPTED, attempt=1, generation=1)
    state = after(failed, again)
    assert (state.status, state.attempts, state.reason) == (Status.PENDING, 6, None)
    assert after(failed, again, outcome(OutcomeKind.SENT, generation=1)).status is Status.DELIVERED


def test_an_earlier_generations_end_changes_nothing_after_a_replay() -> None:
    again = outcome(OutcomeKind.DELIVERY_ATTEMPTED, generation=1)
    assert after(again, outcome(OutcomeKind.FAILED, generation=0)).status is Status.PENDING


@pytest.mark.parametrize(
    ("deliveries", "expected"),
    [
        ([Status.PENDING], Status.PENDING),
        ([Status.SCHEDULED], Status.PENDING),
        ([Status.DELIVERED, Status.PENDING], Status.DELIVERED),
        ([Status.DELIVERED, Status.FAILED, Status.BOUNCED], Status.DELIVERED),
        ([Status.FAILED, Status.PENDING], Status.PENDING),
        ([Status.FAILED, Status.EXPIRED], Status.FAILED),
        ([Status.FAILED, Status.UNKNOWN], Status.UNKNOWN),
        ([Status.BOUNCED], Status.BOUNCED),
        ([Status.BOUNCED, Status.EXPIRED], Status.BOUNCED),
        ([Status.EXPIRED, Status.SUPPRESSED], Status.EXPIRED),
        ([Status.SUPPRESSED, Status.CANCELLED], Status.SUPPRESSED),
        ([Status.CANCELLED], Status.CANCELLED),
    ],
)
def test_a_notification_is_delivered_when_one_delivery_is_and_final_when_all_are(
    deliveries: list[NotificationStatus], expected: NotificationStatus
) -> None:
    assert notification_status(deliveries) is expected


@given(st.lists(st.sampled_from(NotificationStatus), min_size=1))
def test_every_mixture_of_deliveries_has_a_status(deliveries: list[NotificationStatus]) -> None:
    assert notification_status(deliveries) in NotificationStatus


def test_a_provider_that_was_asked_in_vain_within_an_attempt_counts_no_attempt() -> None:
    """A copy that is published again with too high a count would be sent beside the first."""
    failed_over = outcome(OutcomeKind.DELIVERY_ATTEMPTED, attempt=1, next_attempt_at=None)
    assert after(failed_over).attempts_of_generation == 0
    retried = outcome(
        OutcomeKind.DELIVERY_ATTEMPTED, attempt=1, next_attempt_at=NOW + timedelta(seconds=2)
    )
    assert after(retried, failed_over).attempts_of_generation == 1


def reported(status: ReportedStatus, **changes: Any) -> DeliveryOutcome:
    """What somebody posts as a status, as it reaches the merge."""
    report = StatusReport.model_validate(
        {"notification_id": public_notification_id(UUID(int=9)), "status": status, **changes}
    )
    return outcome_of_report(
        report,
        delivery_id=DELIVERY,
        generation=0,
        now=NOW + timedelta(days=1),
        correlation_id="corr-1",
    )


@pytest.mark.parametrize(
    ("before", "status", "expected"),
    [
        # What a provider took it has taken: a later "failed" does not unsend it.
        (OutcomeKind.SENT, ReportedStatus.FAILED, Status.DELIVERED),
        (OutcomeKind.SENT, ReportedStatus.PENDING, Status.DELIVERED),
        (OutcomeKind.SENT, ReportedStatus.BOUNCED, Status.BOUNCED),
        (OutcomeKind.SENT, ReportedStatus.COMPLAINED, Status.DELIVERED),
        # A worker gave up, and a provider knows better.
        (OutcomeKind.FAILED, ReportedStatus.DELIVERED, Status.DELIVERED),
        (OutcomeKind.UNKNOWN, ReportedStatus.DELIVERED, Status.DELIVERED),
        (OutcomeKind.UNKNOWN, ReportedStatus.FAILED, Status.FAILED),
        (OutcomeKind.BOUNCED, ReportedStatus.DELIVERED, Status.BOUNCED),
        (OutcomeKind.DELIVERY_ATTEMPTED, ReportedStatus.FAILED, Status.FAILED),
        (OutcomeKind.DELIVERY_ATTEMPTED, ReportedStatus.PENDING, Status.PENDING),
    ],
)
def test_a_report_by_http_is_merged_like_any_event_in_either_order(
    before: OutcomeKind, status: ReportedStatus, expected: NotificationStatus
) -> None:
    known, late = outcome(before, delivery_id=DELIVERY), reported(status)
    assert after(known, late).status is expected
    assert after(late, known).status is expected


def test_a_worker_that_succeeds_after_somebody_reported_a_failure_is_believed() -> None:
    given_up = reported(ReportedStatus.FAILED)
    assert after(given_up, outcome(OutcomeKind.SENT, attempt=3)).status is Status.DELIVERED


def test_a_pending_report_never_counts_more_attempts_than_the_worker_has_made() -> None:
    """Else the reconciler would publish a copy that is sent beside the worker's own."""
    state = after(reported(ReportedStatus.PENDING, attempt=7))
    assert (state.status, state.attempts_of_generation, state.attempts) == (Status.PENDING, 0, 0)

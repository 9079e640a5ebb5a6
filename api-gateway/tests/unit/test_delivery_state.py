from datetime import timedelta
from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import NOW, outcome

from api_gateway.domain.delivery_state import DeliveryState, merge, notification_status
from contracts.notification import NotificationStatus
from contracts.outcome import DeliveryOutcome, OutcomeKind

BORN = DeliveryState(NotificationStatus.PENDING)
DELIVERY = UUID(int=7)
Status = NotificationStatus


def after(*outcomes: DeliveryOutcome) -> DeliveryState:
    return reduce(merge, outcomes, BORN)


EVENTS = st.builds(
    lambda kind, generation, attempt, seconds, event_id: outcome(
        kind,
        delivery_id=DELIVERY,
        generation=generation,
        attempt=attempt,
        at=NOW + timedelta(seconds=seconds),
        event_id=event_id,
        reason=kind.value,
    ),
    st.sampled_from(OutcomeKind),
    st.integers(0, 2),
    st.integers(0, 2_000),
    st.integers(0, 3),
    st.uuids(),
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


@given(st.lists(EVENTS, max_size=6), st.integers(0, 5_000))
def test_no_number_of_attempts_undoes_an_end(events: list[DeliveryOutcome], attempt: int) -> None:
    ends = [e for e in events if e.kind is not OutcomeKind.DELIVERY_ATTEMPTED]
    late = outcome(OutcomeKind.DELIVERY_ATTEMPTED, attempt=attempt, generation=0)
    before = after(*ends)
    if ends:
        assert merge(before, late).status is before.status
    else:
        assert merge(before, late).status is Status.PENDING


def test_a_bounce_that_overtakes_its_acceptance_still_wins() -> None:
    bounced = outcome(OutcomeKind.BOUNCED, at=NOW)
    sent = outcome(OutcomeKind.SENT, at=NOW + timedelta(seconds=5))
    assert after(bounced, sent).status is Status.BOUNCED


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

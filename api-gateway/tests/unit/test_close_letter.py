"""What follows from replaying or discarding a dead letter."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from letter_samples import letter
from samples import NOW, delivery, message_of, notification, outcome

from api_gateway.domain.close_letter import (
    HIGHEST_GENERATION,
    ClosedBefore,
    Closing,
    LetterDelivery,
    Refused,
    content_of,
    decide_closing,
)
from api_gateway.domain.dead_letter import ClosingAction, LetterState
from api_gateway.domain.failed_message import REASON_SUPPRESSION_REFUSED
from contracts.delivery_message import MESSAGE_VERSION, DeliveryMessage
from contracts.notification import NotificationStatus
from contracts.outcome import REPORTED_KINDS, OutcomeKind, outcome_event_id

REPLAY, DISCARD = ClosingAction.REPLAY, ClosingAction.DISCARD
FAILED = LetterDelivery(NotificationStatus.FAILED, 0)


def given_up(**changes: object) -> DeliveryMessage:
    """The message of a delivery that was tried until the end."""
    one = notification(deliveries=(delivery(),))
    exhausted = {
        "retry_count": 5,
        "provider_failures": 3,
        "pinned_provider": "smtp-a",
        "not_before": NOW,
        "expires_at": NOW + timedelta(days=1),
    }
    return message_of(one, one.deliveries[0]).model_copy(update={**exhausted, **changes})


def test_a_replay_begins_the_next_generation_with_all_attempts_before_it() -> None:
    message = given_up(generation=3)
    closing = decide_closing(
        REPLAY, letter(), message, LetterDelivery(NotificationStatus.FAILED, 3), NOW
    )
    assert isinstance(closing, Closing)
    assert closing.state is LetterState.REPLAYED
    assert closing.message == message.model_copy(
        update={
            "v": MESSAGE_VERSION,
            "generation": 4,
            "retry_count": 0,
            "provider_failures": 0,
            "pinned_provider": None,
            "not_before": None,
        }
    )
    event = closing.event
    assert event is not None
    assert event.event_id == outcome_event_id(OutcomeKind.REPLAYED, message.delivery_id, 4)
    assert (event.kind, event.generation, event.attempt, event.at) == (
        OutcomeKind.REPLAYED,
        4,
        0,
        NOW,
    )
    assert (event.delivery_id, event.notification_id, event.correlation_id) == (
        message.delivery_id,
        message.notification_id,
        message.correlation_id,
    )


def test_a_discard_publishes_nothing_and_is_written_down() -> None:
    message = given_up(generation=2)
    closing = decide_closing(DISCARD, letter(reason="poison"), message, FAILED, NOW)
    assert isinstance(closing, Closing)
    assert (closing.state, closing.message) == (LetterState.DISCARDED, None)
    assert closing.event is not None
    assert closing.event.event_id == outcome_event_id(OutcomeKind.DISCARDED, message.delivery_id, 2)
    assert (closing.event.generation, closing.event.reason) == (2, "poison")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{}", b"[" * 500, b""])
def test_what_nobody_can_read_can_be_discarded_and_not_replayed(body: bytes) -> None:
    unreadable = letter(delivery_id=None)
    refused = decide_closing(REPLAY, unreadable, content_of(body), None, NOW)
    assert isinstance(refused, Refused)
    assert "cannot be read" in refused.message
    assert "discard it" in refused.message
    discarded = decide_closing(DISCARD, unreadable, content_of(body), None, NOW)
    assert discarded == Closing(LetterState.DISCARDED)


def test_an_outcome_is_recorded_again() -> None:
    event = outcome(OutcomeKind.SENT)
    content = content_of(event.model_dump_json().encode())
    closing = decide_closing(REPLAY, letter(delivery_id=None), content, None, NOW)
    assert closing == Closing(LetterState.REPLAYED, event=event)
    assert decide_closing(DISCARD, letter(delivery_id=None), content, None, NOW) == Closing(
        LetterState.DISCARDED
    )


def test_a_suppression_that_was_refused_is_not_taken_for_sent_by_writing_history() -> None:
    event = outcome(OutcomeKind.BOUNCED)
    refused = decide_closing(
        REPLAY, letter(delivery_id=None, reason=REASON_SUPPRESSION_REFUSED), event, None, NOW
    )
    assert isinstance(refused, Refused)
    assert "by hand" in refused.message


@pytest.mark.parametrize("kind", sorted(set(OutcomeKind) - set(REPORTED_KINDS)))
def test_an_event_of_our_own_is_not_taken_from_a_queue(kind: OutcomeKind) -> None:
    assert content_of(outcome(kind).model_dump_json().encode()) is None


def test_a_message_is_read_as_a_message_and_not_as_an_outcome() -> None:
    message = given_up()
    assert content_of(message.model_dump_json().encode()) == message


def test_a_delivery_that_is_not_known_here_is_not_sent_and_can_be_discarded() -> None:
    message = given_up()
    refused = decide_closing(REPLAY, letter(), message, None, NOW)
    assert isinstance(refused, Refused)
    assert str(message.delivery_id) in refused.message
    assert decide_closing(DISCARD, letter(), message, None, NOW) == Closing(LetterState.DISCARDED)


@pytest.mark.parametrize(
    "status",
    sorted(set(NotificationStatus) - {NotificationStatus.FAILED, NotificationStatus.PENDING}),
)
def test_only_what_failed_is_sent_again(status: NotificationStatus) -> None:
    refused = decide_closing(REPLAY, letter(), given_up(), LetterDelivery(status, 0), NOW)
    assert isinstance(refused, Refused)
    assert f"is {status}," in refused.message


def test_what_could_not_be_read_when_it_came_may_be_pending_and_is_sent() -> None:
    pending = LetterDelivery(NotificationStatus.PENDING, 0)
    closing = decide_closing(REPLAY, letter(delivery_id=None), given_up(), pending, NOW)
    assert isinstance(closing, Closing)
    assert closing.message is not None


@pytest.mark.parametrize(
    ("newer", "named"), [(None, "it is pending"), (uuid4(), "see the dead letter")]
)
def test_a_letter_of_an_older_generation_is_not_sent(newer: UUID | None, named: str) -> None:
    delivery_now = LetterDelivery(NotificationStatus.PENDING, 2, newer)
    refused = decide_closing(REPLAY, letter(), given_up(generation=1), delivery_now, NOW)
    assert isinstance(refused, Refused)
    assert named in refused.message
    assert newer is None or str(newer) in refused.message


def test_the_last_generation_that_can_be_stored_is_not_passed() -> None:
    for generation, is_sent in ((HIGHEST_GENERATION, True), (HIGHEST_GENERATION + 1, False)):
        delivery_now = LetterDelivery(NotificationStatus.FAILED, generation)
        decided = decide_closing(
            REPLAY, letter(), given_up(generation=generation), delivery_now, NOW
        )
        assert isinstance(decided, Closing) is is_sent


@pytest.mark.parametrize(
    ("action", "state"), [(REPLAY, LetterState.REPLAYED), (DISCARD, LetterState.DISCARDED)]
)
def test_the_same_again_does_nothing(action: ClosingAction, state: LetterState) -> None:
    assert decide_closing(action, letter(state=state), given_up(), FAILED, NOW) == ClosedBefore()


@pytest.mark.parametrize(
    ("action", "state", "what_to_do"),
    [
        (REPLAY, LetterState.DISCARDED, "send a new notification"),
        (DISCARD, LetterState.REPLAYED, "discard the dead letter that it leaves then"),
    ],
)
def test_a_decision_is_not_reversed(
    action: ClosingAction, state: LetterState, what_to_do: str
) -> None:
    refused = decide_closing(action, letter(state=state), given_up(), FAILED, NOW)
    assert isinstance(refused, Refused)
    assert what_to_do in refused.message


@pytest.mark.parametrize("action", ClosingAction)
def test_what_was_replayed_and_failed_again_points_to_the_newer_letter(
    action: ClosingAction,
) -> None:
    newer = uuid4()
    delivery_now = LetterDelivery(NotificationStatus.FAILED, 1, newer)
    refused = decide_closing(
        action, letter(state=LetterState.REPLAYED), given_up(), delivery_now, NOW
    )
    assert isinstance(refused, Refused)
    assert f"{action} the dead letter {newer} instead" in refused.message


def test_what_was_erased_is_not_sent_again_but_can_be_discarded() -> None:
    old = letter(erased_at=NOW)
    for content in (given_up(variables={}), None):
        refused = decide_closing(REPLAY, old, content, FAILED, NOW)
        assert isinstance(refused, Refused)
        assert "erased" in refused.message
        assert isinstance(decide_closing(DISCARD, old, content, FAILED, NOW), Closing)


def test_an_outcome_has_nothing_to_erase_and_can_be_recorded_however_old_it_is() -> None:
    closing = decide_closing(REPLAY, letter(erased_at=NOW), outcome(), None, NOW)
    assert isinstance(closing, Closing)

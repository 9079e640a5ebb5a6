"""What a worker does where the recipient, or the provider as a whole, cannot take a message now."""

from datetime import timedelta

import pytest
from bench import DeliverBench, FakeProvider
from deliveries import DIGESTS, START, make_delivery

from contracts.outcome import OutcomeKind
from contracts.suppression import SuppressionReason
from delivery.errors import (
    AmbiguousDeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.policy import FREE_PROVIDER_FAILURES
from delivery.settlements import RECIPIENT_LIMIT

DOWN = TransientDeliveryError("connect_failed", provider_failed=True)


@pytest.fixture
def bench() -> DeliverBench:
    return DeliverBench()


async def test_nothing_is_sent_to_an_address_that_was_suppressed_since(
    bench: DeliverBench,
) -> None:
    message = make_delivery()
    bench.store.suppressed[message.recipient] = "hard_bounce"
    await bench.worker()(message, repeated=False)
    assert bench.provider.calls == 0
    [outcome] = bench.reports.outcomes
    assert (outcome.kind, outcome.reason) == (OutcomeKind.SUPPRESSED, "address_suppressed")
    assert (outcome.detail, outcome.attempt) == ("hard_bounce", 0)
    await bench.worker()(message, repeated=True)
    assert bench.reports.outcomes[1] == outcome


async def test_what_an_address_may_not_get_this_hour_comes_when_its_turn_comes(
    bench: DeliverBench,
) -> None:
    bench.hourly_limit = 2
    deliver = bench.worker()
    for _ in range(3):
        await deliver(make_delivery(), repeated=False)
    assert bench.provider.calls == 2
    deferred = bench.reports.outcomes[2]
    assert (deferred.kind, deferred.reason) == (OutcomeKind.DEFERRED, RECIPIENT_LIMIT)
    assert deferred.next_attempt_at == START + timedelta(hours=1)
    assert not deferred.parked
    await bench.drain(deliver)
    assert bench.reports.kinds[2:] == [OutcomeKind.DEFERRED, OutcomeKind.SENT]
    assert bench.reports.outcomes[3].at == START + timedelta(hours=1)
    assert bench.reports.outcomes[3].attempt == 1


async def test_a_turn_that_is_hours_away_is_waited_for_in_no_queue(bench: DeliverBench) -> None:
    bench.hourly_limit = 1
    deliver = bench.worker()
    for _ in range(3):
        await deliver(make_delivery(), repeated=False)
    third = bench.reports.outcomes[2]
    assert third.parked
    assert third.next_attempt_at == START + timedelta(hours=2)
    assert third.next_retry_count == 0
    assert len(bench.reports.hops) == 1  # the second


async def test_what_expires_before_its_turn_has_expired_now_and_takes_nobodys_turn(
    bench: DeliverBench,
) -> None:
    bench.hourly_limit = 1
    deliver = bench.worker()
    await deliver(make_delivery(), repeated=False)
    await deliver(make_delivery(expires_at=START + timedelta(minutes=30)), repeated=False)
    await deliver(make_delivery(), repeated=False)
    assert bench.reports.kinds == [OutcomeKind.SENT, OutcomeKind.EXPIRED, OutcomeKind.DEFERRED]
    assert bench.reports.outcomes[2].next_attempt_at == START + timedelta(hours=1)


async def test_a_provider_that_asks_for_hours_hands_the_delivery_back(
    bench: DeliverBench,
) -> None:
    bench.provider.answers = [TransientDeliveryError("quota", retry_after=2 * 3600)]
    await bench.worker()(make_delivery(), repeated=False)
    [outcome] = bench.reports.outcomes
    assert (outcome.kind, outcome.parked) == (OutcomeKind.DELIVERY_ATTEMPTED, True)
    assert outcome.next_retry_count == 1
    assert outcome.next_attempt_at == START + timedelta(hours=2)
    assert not bench.reports.hops


async def test_a_provider_that_takes_nothing_costs_no_attempt(bench: DeliverBench) -> None:
    bench.provider.answers = [DOWN] * 8
    deliver = bench.worker()
    await deliver(make_delivery(max_retries=0), repeated=False)
    await bench.drain(deliver)
    assert bench.reports.kinds == [OutcomeKind.DEFERRED] * 8 + [OutcomeKind.SENT]
    assert len({outcome.event_id for outcome in bench.reports.outcomes}) == 9
    assert bench.reports.outcomes[0].reason == "connect_failed"
    assert bench.reports.outcomes[-1].attempt == 1


async def test_what_a_provider_chokes_on_comes_to_an_end(bench: DeliverBench) -> None:
    bench.provider.always = DOWN
    deliver = bench.worker()
    await deliver(make_delivery(max_retries=2), repeated=False)
    await bench.drain(deliver, limit=500)
    assert bench.provider.calls == FREE_PROVIDER_FAILURES + 3
    assert bench.reports.kinds[-3:] == [OutcomeKind.DELIVERY_ATTEMPTED] * 2 + [OutcomeKind.FAILED]


async def test_a_copy_that_comes_after_a_postponement_is_not_taken_for_sent(
    bench: DeliverBench,
) -> None:
    bench.provider.answers = [DOWN]
    message = make_delivery(ambiguous="hold")
    deliver = bench.worker()
    await deliver(message, repeated=False)
    await deliver(message, repeated=True)  # the acknowledgement was lost
    assert bench.reports.kinds == [OutcomeKind.DEFERRED, OutcomeKind.SENT]
    await bench.drain(deliver)
    assert bench.provider.calls == 2


async def test_the_next_provider_takes_over_within_the_attempt_and_the_history_says_so(
    bench: DeliverBench,
) -> None:
    bench.backup = FakeProvider("backup")
    bench.provider.answers = [DOWN]
    await bench.worker()(make_delivery(), repeated=False)
    refused, sent = bench.reports.outcomes
    assert (refused.kind, refused.provider) == (OutcomeKind.DELIVERY_ATTEMPTED, "fake")
    assert (refused.attempt, refused.reason) == (1, "connect_failed")
    assert (sent.kind, sent.provider, sent.attempt) == (OutcomeKind.SENT, "backup", 1)
    assert refused.event_id != sent.event_id


async def test_a_refused_recipient_is_no_reason_to_ask_another_provider(
    bench: DeliverBench,
) -> None:
    bench.backup = FakeProvider("backup")
    bench.provider.answers = [TransientDeliveryError("greylisted"), PermanentDeliveryError("spam")]
    deliver = bench.worker()
    await deliver(make_delivery(), repeated=False)
    await bench.drain(deliver)
    assert bench.reports.kinds == [OutcomeKind.DELIVERY_ATTEMPTED, OutcomeKind.FAILED]
    assert bench.backup.calls == 0


async def test_what_one_provider_perhaps_took_no_other_is_asked_for(bench: DeliverBench) -> None:
    bench.backup = FakeProvider("backup")
    bench.provider.answers = [AmbiguousDeliveryError("connection_lost"), DOWN]
    deliver = bench.worker()
    await deliver(make_delivery(), repeated=False)
    assert bench.reports.hops[0].message.pinned_provider == "fake"
    await bench.drain(deliver)
    assert bench.backup.calls == 0
    assert bench.reports.kinds == [
        OutcomeKind.DELIVERY_ATTEMPTED,
        OutcomeKind.DEFERRED,
        OutcomeKind.SENT,
    ]


async def test_a_refusal_in_between_does_not_make_another_provider_harmless(
    bench: DeliverBench,
) -> None:
    bench.backup = FakeProvider("backup")
    bench.provider.answers = [
        AmbiguousDeliveryError("connection_lost"),
        TransientDeliveryError("greylisted"),
        DOWN,
    ]
    deliver = bench.worker()
    await deliver(make_delivery(), repeated=False)
    await bench.drain(deliver)
    assert bench.backup.calls == 0
    assert bench.provider.calls == 4


async def test_a_dead_mailbox_is_reported_for_suppression_without_its_address(
    bench: DeliverBench,
) -> None:
    message = make_delivery()
    bench.provider.always = InvalidRecipientError(
        "invalid_recipient", reply_code="550 5.1.1", detail=f"<{message.recipient}> unknown"
    )
    await bench.worker()(message, repeated=False)
    [outcome] = bench.reports.outcomes
    notice = outcome.suppression
    assert notice is not None
    assert (notice.reason, notice.source) == (SuppressionReason.HARD_BOUNCE, "fake")
    assert notice.address_digest == DIGESTS.of(message)
    assert message.recipient not in outcome.model_dump_json()


async def test_an_address_that_we_cannot_read_is_not_suppressed(bench: DeliverBench) -> None:
    bench.provider.always = InvalidRecipientError("malformed_address")
    await bench.worker()(make_delivery(), repeated=False)
    assert bench.reports.outcomes[0].suppression is None


async def test_what_is_parked_keeps_what_it_has_met(bench: DeliverBench) -> None:
    bench.provider.answers = [
        TransientDeliveryError("quota", retry_after=2 * 3600, provider_failed=True)
    ]
    message = make_delivery(retry_count=2, provider_failures=4, pinned_provider="fake")
    await bench.worker()(message, repeated=True)
    [outcome] = bench.reports.outcomes
    assert (outcome.kind, outcome.parked) == (OutcomeKind.DEFERRED, True)
    assert outcome.next_retry_count == 2
    assert (outcome.next_provider_failures, outcome.pinned_provider) == (5, "fake")

"""What a worker does with one copy of a message: one test per verdict and per answer."""

import asyncio
from datetime import timedelta

import pytest
from bench import DeliverBench
from deliveries import START, make_delivery

from contracts.notification import AmbiguousPolicy
from contracts.outcome import OutcomeKind
from delivery.deliver import BUSY_TIER, WITHOUT_CLAIMS_TIER, WITHOUT_TEMPLATE_TIER
from delivery.errors import (
    AmbiguousDeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.redis_claims import CLAIMS_BEFORE_POISON
from delivery.rendering import TemplateUnavailableError
from delivery.settlements import POISON


@pytest.fixture
def bench() -> DeliverBench:
    return DeliverBench()


async def test_a_first_copy_is_sent_and_reported(bench: DeliverBench) -> None:
    message = make_delivery()
    bench.provider.meanwhile = lambda: bench.store.pass_time(0.25)
    await bench.worker()(message, repeated=False)
    [sent] = bench.provider.taken
    assert (sent.message, sent.content, sent.attempt) == (message, "content", 1)
    [outcome] = bench.reports.outcomes
    assert outcome.kind is OutcomeKind.SENT
    assert outcome.attempt == 1
    assert (outcome.provider, outcome.provider_message_id) == ("fake", "id-1")
    assert (outcome.reply_code, outcome.latency_ms) == ("250", 250)
    assert outcome.at == START + timedelta(seconds=0.25)
    assert not bench.reports.hops
    assert not bench.reports.dead_letters


async def test_a_further_copy_repeats_the_report_and_sends_nothing(bench: DeliverBench) -> None:
    message = make_delivery()
    await bench.worker()(message, repeated=False)
    await bench.worker()(message, repeated=True)
    assert bench.provider.calls == 1
    first, second = bench.reports.outcomes
    assert first == second


async def test_a_copy_of_what_another_works_on_costs_a_hop_and_no_attempt(
    bench: DeliverBench,
) -> None:
    message = make_delivery()
    other = bench.worker()
    bench.provider.meanwhile = lambda: other(message, repeated=True)
    await bench.worker()(message, repeated=False)
    assert bench.provider.calls == 1
    [hop] = bench.reports.hops
    assert (hop.message, hop.tier) == (message, BUSY_TIER)
    assert bench.reports.kinds == [OutcomeKind.SENT]


async def test_an_early_copy_takes_the_largest_tier_that_fits(bench: DeliverBench) -> None:
    message = make_delivery(not_before=START + timedelta(seconds=70))
    deliver = bench.worker()
    await deliver(message, repeated=False)
    assert [hop.tier for hop in bench.reports.hops] == [64]
    await bench.drain(deliver)
    assert bench.provider.calls == 1
    assert bench.reports.outcomes[0].at == START + timedelta(seconds=70)


async def test_a_superseded_copy_leaves_no_trace(bench: DeliverBench) -> None:
    message = make_delivery()
    replay = message.model_copy(update={"generation": 1})
    await bench.worker()(replay, repeated=False)
    before = len(bench.reports.outcomes)
    await bench.worker()(message, repeated=True)
    assert bench.provider.calls == 1
    assert len(bench.reports.outcomes) == before
    assert not bench.reports.hops


async def test_a_lapsed_delivery_is_tried_alone_among_those_that_lapsed(
    bench: DeliverBench,
) -> None:
    suspects = [make_delivery(), make_delivery()]
    for message in suspects:
        await bench.worker()._claims.claim(message)
    bench.store.pass_time(36)
    deliver = bench.worker()
    bench.provider.meanwhile = lambda: deliver(suspects[1], repeated=True)
    await deliver(suspects[0], repeated=True)
    assert bench.provider.calls == 1
    [hop] = bench.reports.hops
    assert (hop.message, hop.tier) == (suspects[1], BUSY_TIER)
    bench.provider.meanwhile = lambda: None
    await bench.drain(deliver)
    assert bench.provider.calls == 2
    assert bench.store.held[suspects[1].delivery_id].claims == 1


async def test_what_silenced_many_workers_becomes_a_dead_letter(bench: DeliverBench) -> None:
    message = make_delivery()
    for _ in range(CLAIMS_BEFORE_POISON):
        await bench.worker()._claims.claim(message)
        bench.store.pass_time(36)
    await bench.worker()(message, repeated=True)
    [(dead, reason, detail)] = bench.reports.dead_letters
    assert (dead, reason) == (message, POISON)
    assert "fell silent" in detail
    assert bench.reports.kinds == [OutcomeKind.FAILED]
    assert bench.provider.calls == 0


async def test_a_lapsed_claim_is_sent_again(bench: DeliverBench) -> None:
    message = make_delivery()
    await bench.worker()._claims.claim(message)
    bench.store.pass_time(36)
    await bench.worker()(message, repeated=True)
    assert bench.reports.kinds == [OutcomeKind.SENT]
    assert bench.provider.calls == 1


async def test_a_lapsed_claim_is_held_where_a_duplicate_would_harm(bench: DeliverBench) -> None:
    message = make_delivery(ambiguous="hold")
    await bench.worker()._claims.claim(message)
    bench.store.pass_time(36)
    await bench.worker()(message, repeated=True)
    assert bench.reports.kinds == [OutcomeKind.UNKNOWN]
    assert bench.reports.outcomes[0].reason == "claim_lapsed"
    assert bench.provider.calls == 0


async def test_an_expired_message_is_reported_and_never_sent(bench: DeliverBench) -> None:
    message = make_delivery(expires_at=START)
    await bench.worker()(message, repeated=False)
    assert bench.provider.calls == 0
    [outcome] = bench.reports.outcomes
    assert (outcome.kind, outcome.attempt) == (OutcomeKind.EXPIRED, 0)
    await bench.worker()(message, repeated=True)
    assert bench.reports.outcomes[1] == outcome


async def test_a_template_that_cannot_be_had_costs_no_attempt(bench: DeliverBench) -> None:
    message = make_delivery()
    deliver = bench.worker()
    bench.renderer.error = TemplateUnavailableError("template-service does not answer.")
    await deliver(message, repeated=False)
    for _ in range(6):  # more often than claims may lapse
        hop = bench.reports.hops.pop()
        assert (hop.message, hop.tier) == (message, WITHOUT_TEMPLATE_TIER)
        bench.store.pass_time(4)
        await deliver(hop.message, repeated=True)
    assert not bench.reports.outcomes
    bench.renderer.error = None
    await bench.drain(deliver)
    assert bench.reports.outcomes[0].attempt == 1
    assert bench.reports.kinds == [OutcomeKind.SENT]


async def test_it_hops_although_its_claim_cannot_be_given_back(bench: DeliverBench) -> None:
    message = make_delivery()
    bench.renderer.error = TemplateUnavailableError("away")
    deliver = bench.worker()
    claims = deliver._claims
    await claims.claim(message)
    bench.store.is_away = True
    await deliver(message, repeated=False)  # the claims are away: the first copy goes on
    assert [hop.tier for hop in bench.reports.hops] == [WITHOUT_TEMPLATE_TIER]


async def test_a_message_that_cannot_be_rendered_is_a_dead_letter_without_an_attempt(
    bench: DeliverBench,
) -> None:
    bench.renderer.error = PermanentDeliveryError("render_failed", detail="name is missing")
    await bench.worker()(make_delivery(), repeated=False)
    [(_, reason, detail)] = bench.reports.dead_letters
    assert (reason, detail) == ("render_failed", "name is missing")
    [outcome] = bench.reports.outcomes
    assert outcome.kind is OutcomeKind.FAILED
    assert (outcome.attempt, outcome.provider, outcome.latency_ms) == (0, None, None)


async def test_a_provider_that_never_answers_is_ambiguous_and_sent_again(
    bench: DeliverBench,
) -> None:
    bench.provider.meanwhile = asyncio.Event().wait
    await bench.worker(attempt_seconds=0.05)(make_delivery(), repeated=False)
    [outcome] = bench.reports.outcomes
    assert outcome.kind is OutcomeKind.DELIVERY_ATTEMPTED
    assert outcome.reason == "deadline_exceeded"
    assert outcome.detail == "no answer within 0.05 s"
    [hop] = bench.reports.hops
    assert hop.message.retry_count == 1


async def test_a_provider_that_never_answers_leaves_it_unknown_where_a_duplicate_would_harm(
    bench: DeliverBench,
) -> None:
    bench.provider.meanwhile = asyncio.Event().wait
    message = make_delivery(ambiguous=AmbiguousPolicy.HOLD)
    await bench.worker(attempt_seconds=0.05)(message, repeated=False)
    assert bench.reports.kinds == [OutcomeKind.UNKNOWN]
    assert not bench.reports.hops
    assert not bench.reports.dead_letters


async def test_a_call_that_is_cancelled_from_within_is_ambiguous(bench: DeliverBench) -> None:
    bench.provider.answers = [asyncio.CancelledError()]
    await bench.worker()(make_delivery(), repeated=False)
    assert bench.reports.outcomes[0].reason == "cancelled"
    assert bench.reports.kinds == [OutcomeKind.DELIVERY_ATTEMPTED]


async def test_a_worker_that_is_told_to_stop_lets_go_without_a_report(
    bench: DeliverBench,
) -> None:
    bench.provider.meanwhile = asyncio.Event().wait
    sending = asyncio.create_task(bench.worker()(make_delivery(), repeated=False))
    await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert bench.reports.is_empty


async def test_a_transient_failure_comes_back_as_the_next_attempt(bench: DeliverBench) -> None:
    bench.provider.answers = [TransientDeliveryError("greylisted", reply_code="451", detail="wait")]
    message = make_delivery()
    deliver = bench.worker()
    await deliver(message, repeated=False)
    [attempted] = bench.reports.outcomes
    assert attempted.kind is OutcomeKind.DELIVERY_ATTEMPTED
    assert (attempted.reason, attempted.reply_code) == ("greylisted", "451")
    assert attempted.next_attempt_at == START + timedelta(seconds=2)
    [hop] = bench.reports.hops
    assert hop.tier == 1
    expected = {"retry_count": 1, "not_before": START + timedelta(seconds=2)}
    assert hop.message == message.model_copy(update=expected)
    await bench.drain(deliver)
    assert bench.reports.kinds == [OutcomeKind.DELIVERY_ATTEMPTED, OutcomeKind.SENT]
    assert bench.reports.outcomes[1].attempt == 2
    assert bench.reports.outcomes[1].at == START + timedelta(seconds=2)


async def test_the_wait_that_the_provider_asks_for_is_kept(bench: DeliverBench) -> None:
    bench.provider.answers = [TransientDeliveryError("throttled", retry_after=100)]
    deliver = bench.worker()
    await deliver(make_delivery(), repeated=False)
    await bench.drain(deliver)
    wait = bench.reports.outcomes[1].at - START
    assert timedelta(seconds=99.5) <= wait <= timedelta(seconds=101)


async def test_attempts_end_with_a_dead_letter_after_all_retries(bench: DeliverBench) -> None:
    bench.provider.always = TransientDeliveryError("mailbox_full", detail="452 full")
    deliver = bench.worker()
    await deliver(make_delivery(max_retries=5), repeated=False)
    await bench.drain(deliver)
    assert bench.provider.calls == 6
    assert bench.reports.kinds == [OutcomeKind.DELIVERY_ATTEMPTED] * 5 + [OutcomeKind.FAILED]
    assert [outcome.attempt for outcome in bench.reports.outcomes] == [1, 2, 3, 4, 5, 6]
    [(dead, reason, detail)] = bench.reports.dead_letters
    assert (dead.retry_count, reason, detail) == (5, "retries_exhausted", "452 full")
    assert bench.reports.outcomes[-1].reason == "mailbox_full"


@pytest.mark.parametrize(
    "error", [PermanentDeliveryError("too_large"), InvalidRecipientError("no_such_user")]
)
async def test_a_refusal_for_good_is_a_dead_letter_at_once(
    bench: DeliverBench, error: PermanentDeliveryError
) -> None:
    bench.provider.always = error
    message = make_delivery()
    await bench.worker()(message, repeated=False)
    assert bench.provider.calls == 1
    assert bench.reports.dead_letters == [(message, error.reason, error.reason)]
    assert bench.reports.kinds == [OutcomeKind.FAILED]
    assert not bench.reports.hops


async def test_an_answer_that_was_lost_is_held_where_a_duplicate_would_harm(
    bench: DeliverBench,
) -> None:
    bench.provider.always = AmbiguousDeliveryError("connection_lost")
    await bench.worker()(make_delivery(ambiguous="hold"), repeated=False)
    assert bench.reports.kinds == [OutcomeKind.UNKNOWN]
    assert not bench.reports.hops


async def test_a_defect_of_the_provider_is_not_taken_for_an_answer(bench: DeliverBench) -> None:
    bench.provider.answers = [ZeroDivisionError()]
    message = make_delivery()
    with pytest.raises(ZeroDivisionError):
        await bench.worker()(message, repeated=False)
    assert bench.reports.is_empty


async def test_without_claims_a_first_copy_is_sent_and_reported(bench: DeliverBench) -> None:
    bench.store.is_away = True
    await bench.worker()(make_delivery(), repeated=False)
    assert bench.provider.calls == 1
    assert bench.reports.kinds == [OutcomeKind.SENT]


@pytest.mark.parametrize(("repeated", "retry_count"), [(True, 0), (False, 1), (True, 1)])
async def test_without_claims_a_repeated_copy_waits(
    bench: DeliverBench, repeated: bool, retry_count: int
) -> None:
    bench.store.is_away = True
    message = make_delivery(retry_count=retry_count)
    await bench.worker()(message, repeated=repeated)
    assert bench.provider.calls == 0
    [hop] = bench.reports.hops
    assert (hop.message, hop.tier) == (message, WITHOUT_CLAIMS_TIER)


async def test_without_claims_nothing_is_sent_before_its_time(bench: DeliverBench) -> None:
    bench.store.is_away = True
    message = make_delivery(not_before=START + timedelta(seconds=20))
    await bench.worker()(message, repeated=False)
    assert bench.provider.calls == 0
    assert [hop.tier for hop in bench.reports.hops] == [16]


async def test_claims_that_come_back_during_the_send_keep_its_settlement(
    bench: DeliverBench,
) -> None:
    bench.store.is_away = True
    bench.provider.answers = [TransientDeliveryError("greylisted")]
    bench.provider.meanwhile = lambda: setattr(bench.store, "is_away", False)
    message = make_delivery()
    deliver = bench.worker()
    await deliver(message, repeated=False)
    assert bench.reports.kinds == [OutcomeKind.DELIVERY_ATTEMPTED]
    await bench.drain(deliver)
    assert bench.reports.kinds == [OutcomeKind.DELIVERY_ATTEMPTED, OutcomeKind.SENT]
    await deliver(message, repeated=True)
    assert bench.provider.calls == 2


async def test_claims_that_lost_their_memory_during_the_send_do_not_lose_the_report(
    bench: DeliverBench,
) -> None:
    bench.provider.meanwhile = bench.store.held.clear
    await bench.worker()(make_delivery(), repeated=False)
    assert bench.reports.kinds == [OutcomeKind.SENT]


async def test_what_cannot_be_settled_is_reported_even_so(bench: DeliverBench) -> None:
    bench.provider.meanwhile = lambda: setattr(bench.store, "is_away", True)
    await bench.worker()(make_delivery(), repeated=False)
    assert bench.reports.kinds == [OutcomeKind.SENT]


async def test_who_lost_the_claim_publishes_nothing(bench: DeliverBench) -> None:
    message = make_delivery()
    other = bench.worker()

    async def fall_silent_until_another_has_sent_it() -> None:
        bench.provider.meanwhile = lambda: None
        bench.store.pass_time(36)
        await other(message, repeated=True)
        bench.provider.answers = [PermanentDeliveryError("too_large")]

    bench.provider.meanwhile = fall_silent_until_another_has_sent_it
    await bench.worker()(message, repeated=False)
    assert bench.provider.calls == 2
    assert bench.reports.kinds == [OutcomeKind.SENT]
    assert not bench.reports.dead_letters


async def test_who_lost_the_claim_and_has_sent_tells_so(bench: DeliverBench) -> None:
    message = make_delivery()
    other = bench.worker()

    async def fall_silent_until_another_has_failed() -> None:
        bench.provider.meanwhile = lambda: None
        bench.store.pass_time(36)
        bench.provider.answers = [PermanentDeliveryError("too_large")]
        await other(message, repeated=True)

    bench.provider.meanwhile = fall_silent_until_another_has_failed
    await bench.worker()(message, repeated=False)
    assert bench.reports.kinds == [OutcomeKind.FAILED, OutcomeKind.SENT]
    assert len(bench.reports.dead_letters) == 1


@pytest.mark.parametrize("ambiguous", AmbiguousPolicy)
async def test_a_claim_whose_answer_is_lost_is_given_back_and_the_copy_sent_soon(
    bench: DeliverBench, ambiguous: AmbiguousPolicy
) -> None:
    message = make_delivery(ambiguous=ambiguous)
    deliver = bench.worker()
    bench.store.lost_replies = 1
    await deliver(message, repeated=True)
    assert [hop.tier for hop in bench.reports.hops] == [WITHOUT_CLAIMS_TIER]
    await bench.drain(deliver)
    assert bench.reports.kinds == [OutcomeKind.SENT]
    assert bench.store.now - START == timedelta(seconds=WITHOUT_CLAIMS_TIER)


async def test_a_first_copy_whose_claim_was_made_without_an_answer_settles_it(
    bench: DeliverBench,
) -> None:
    message = make_delivery()
    bench.store.lost_replies = 1
    await bench.worker()(message, repeated=False)
    assert bench.store.held[message.delivery_id].state == "settled"
    await bench.worker()(message, repeated=True)
    assert bench.provider.calls == 1


async def test_a_lost_answer_does_not_make_a_lapsed_delivery_look_unsent(
    bench: DeliverBench,
) -> None:
    message = make_delivery(ambiguous="hold")
    await bench.worker()._claims.claim(message)
    bench.store.pass_time(36)
    bench.store.lost_replies = 1
    deliver = bench.worker()
    await deliver(message, repeated=True)
    await bench.drain(deliver)
    assert bench.provider.calls == 0
    assert bench.reports.kinds == [OutcomeKind.UNKNOWN]


async def test_a_retry_that_has_expired_does_not_wait_for_its_time(bench: DeliverBench) -> None:
    message = make_delivery(
        retry_count=2, not_before=START + timedelta(seconds=70), expires_at=START
    )
    await bench.worker()(message, repeated=True)
    assert bench.reports.kinds == [OutcomeKind.EXPIRED]
    assert not bench.reports.hops


async def test_a_failure_whose_retry_would_come_too_late_is_expired_and_tells_of_it(
    bench: DeliverBench,
) -> None:
    bench.provider.always = TransientDeliveryError(
        "greylisted", detail="come back later", reply_code="451 4.7.1"
    )
    message = make_delivery(expires_at=START + timedelta(seconds=5))
    deliver = bench.worker()
    await deliver(message, repeated=False)
    await bench.drain(deliver)
    first, last = bench.reports.outcomes
    assert first.kind is OutcomeKind.DELIVERY_ATTEMPTED
    assert (last.kind, last.attempt, last.reason) == (OutcomeKind.EXPIRED, 2, "expired")
    assert (last.provider, last.reply_code) == ("fake", "451 4.7.1")
    assert last.detail == "greylisted: come back later"
    assert last.next_attempt_at is None
    assert not bench.reports.dead_letters


async def test_what_is_perhaps_sent_is_unknown_and_not_expired(bench: DeliverBench) -> None:
    bench.provider.always = AmbiguousDeliveryError("connection_lost")
    await bench.worker()(make_delivery(expires_at=START + timedelta(seconds=1)), repeated=False)
    assert bench.reports.kinds == [OutcomeKind.UNKNOWN]


async def test_without_claims_an_expired_first_copy_is_reported(bench: DeliverBench) -> None:
    bench.store.is_away = True
    message = make_delivery(not_before=START + timedelta(seconds=20), expires_at=START)
    await bench.worker()(message, repeated=False)
    assert bench.reports.kinds == [OutcomeKind.EXPIRED]


async def test_without_claims_an_expired_repeated_copy_waits(bench: DeliverBench) -> None:
    bench.store.is_away = True
    deliver = bench.worker()
    await deliver(make_delivery(expires_at=START), repeated=True)
    assert bench.reports.kinds == []
    bench.store.is_away = False
    await bench.drain(deliver)
    assert bench.reports.kinds == [OutcomeKind.EXPIRED]


async def test_what_was_perhaps_sent_by_a_silent_worker_is_unknown_when_it_has_expired(
    bench: DeliverBench,
) -> None:
    message = make_delivery(expires_at=START + timedelta(seconds=30))
    await bench.worker()._claims.claim(message)
    bench.store.pass_time(36)
    await bench.worker()(message, repeated=True)
    assert bench.provider.calls == 0
    assert bench.reports.kinds == [OutcomeKind.UNKNOWN]


@pytest.mark.parametrize("error", [None, TransientDeliveryError("throttled", retry_after=60)])
async def test_what_was_perhaps_taken_is_unknown_when_it_expires_before_another_attempt(
    bench: DeliverBench, error: TransientDeliveryError | None
) -> None:
    seconds = 20 if error is None else 40
    message = make_delivery(expires_at=START + timedelta(seconds=seconds))
    bench.provider.answers = [AmbiguousDeliveryError("connection_lost")]
    deliver = bench.worker()
    await deliver(message, repeated=False)
    bench.provider.always = error
    if error is None:
        bench.store.pass_time(30)  # a backlog in its lane
    await bench.drain(deliver)
    assert bench.reports.kinds[-1] is OutcomeKind.UNKNOWN
    assert OutcomeKind.EXPIRED not in bench.reports.kinds

"""What claims promise: run against Redis and against the fake, so that the fake cannot lie."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from deliveries import START, make_delivery

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import OutcomeKind
from delivery.claims import Claims, Settlement, Verdict
from delivery.outcomes import outcome_of
from delivery.redis_claims import CLAIMS_BEFORE_POISON, new_token


class ClaimsBench(ABC):
    """Claims of several processes over one memory, with leases that tests can let run out."""

    lease_seconds: float

    @abstractmethod
    def claims(self, token: Callable[[], str] = new_token, *, hourly_limit: int = 0) -> Claims:
        """The claims of one process."""

    @abstractmethod
    async def suppress(self, message: DeliveryMessage, reason: str) -> None:
        """Let nothing more be sent to a delivery's recipient."""

    @abstractmethod
    async def lapse(self, message: DeliveryMessage) -> None:
        """Let the lease of a delivery's claim run out."""


def settlement_of(message: DeliveryMessage, kind: OutcomeKind = OutcomeKind.SENT) -> Settlement:
    return Settlement(outcome=outcome_of(message, kind, at=START, provider="fake"))


async def verdict_of(claims: Claims, message: DeliveryMessage) -> Verdict:
    return (await claims.claim(message)).verdict


class ClaimsSuite:
    """Inherited by a test class per implementation, which has a fixture `bench`."""

    async def test_one_of_many_claims_at_once_is_granted(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        verdicts = await asyncio.gather(*(verdict_of(bench.claims(), message) for _ in range(50)))
        assert sorted(verdicts) == [Verdict.BUSY] * 49 + [Verdict.CLAIMED]

    async def test_deliveries_do_not_stand_in_each_others_way(self, bench: ClaimsBench) -> None:
        claims = bench.claims()
        assert await verdict_of(claims, make_delivery()) is Verdict.CLAIMED
        assert await verdict_of(claims, make_delivery()) is Verdict.CLAIMED

    async def test_a_lease_that_ran_out_lets_another_take_over(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        await bench.claims().claim(message)
        await bench.lapse(message)
        assert await verdict_of(bench.claims(), message) is Verdict.LAPSED
        assert await verdict_of(bench.claims(), message) is Verdict.BUSY

    async def test_a_claim_after_too_many_silences_is_poison(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        verdicts = []
        for _ in range(CLAIMS_BEFORE_POISON + 1):
            verdicts.append(await verdict_of(bench.claims(), message))
            await bench.lapse(message)
        lapses = [Verdict.LAPSED] * (CLAIMS_BEFORE_POISON - 1)
        assert verdicts == [Verdict.CLAIMED, *lapses, Verdict.POISON]

    async def test_a_new_attempt_is_not_poisoned_by_the_silences_of_the_one_before(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        for _ in range(3):
            await bench.claims().claim(message)
            await bench.lapse(message)
        later = message.model_copy(update={"retry_count": 1})
        assert await verdict_of(bench.claims(), later) is Verdict.CLAIMED
        await bench.lapse(message)
        assert await verdict_of(bench.claims(), later) is Verdict.LAPSED

    async def test_a_settled_attempt_answers_every_copy_with_its_settlement(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        settlement = settlement_of(message)
        claims = bench.claims()
        token = (await claims.claim(message)).token
        assert await claims.settle(message, settlement, token)
        for _ in range(2):
            claim = await bench.claims().claim(message)
            assert claim.verdict is Verdict.SETTLED
            assert claim.settlement == settlement

    async def test_a_settlement_survives_with_all_its_fields(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        settlement = Settlement(
            outcome=outcome_of(
                message,
                OutcomeKind.FAILED,
                at=START,
                provider="smtp",
                provider_message_id="<1@example>",
                reply_code="550 5.1.1",
                latency_ms=12.345,
                reason="no_such_user",
                detail="Größe \N{PILE OF POO}",
                next_attempt_at=START,
            ),
            retry_at=START + timedelta(seconds=2.25),
            next_retry_count=1,
            dead_reason="no_such_user",
        )
        claims = bench.claims()
        token = (await claims.claim(message)).token
        await claims.settle(message, settlement, token)
        assert (await claims.claim(message)).settlement == settlement

    async def test_a_copy_of_an_older_attempt_gets_the_later_ones_settlement(
        self, bench: ClaimsBench
    ) -> None:
        first = make_delivery()
        second = first.model_copy(update={"retry_count": 1})
        claims = bench.claims()
        token = (await claims.claim(second)).token
        assert await verdict_of(claims, first) is Verdict.SUPERSEDED
        await claims.settle(second, settlement_of(second), token)
        claim = await claims.claim(first)
        assert claim.verdict is Verdict.SETTLED
        assert claim.settlement == settlement_of(second)

    async def test_a_replay_begins_anew_and_makes_older_copies_superseded(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery(retry_count=5)
        claims = bench.claims()
        token = (await claims.claim(message)).token
        await claims.settle(message, settlement_of(message, OutcomeKind.FAILED), token)
        replay = message.model_copy(update={"generation": 1, "retry_count": 0})
        again = await claims.claim(replay)
        assert again.verdict is Verdict.CLAIMED
        assert await verdict_of(claims, message) is Verdict.SUPERSEDED
        await claims.settle(replay, settlement_of(replay), again.token)
        assert await verdict_of(claims, message) is Verdict.SUPERSEDED

    async def test_a_copy_before_its_time_is_early_and_leaves_no_claim(
        self, bench: ClaimsBench
    ) -> None:
        claims = bench.claims()
        now = (await claims.claim(make_delivery())).now
        message = make_delivery(not_before=now + timedelta(seconds=30))
        assert await verdict_of(claims, message) is Verdict.EARLY
        due = message.model_copy(update={"not_before": now + timedelta(seconds=0.3)})
        assert await verdict_of(claims, due) is Verdict.CLAIMED

    async def test_a_copy_that_has_expired_is_not_early(self, bench: ClaimsBench) -> None:
        claims = bench.claims()
        now = (await claims.claim(make_delivery())).now
        later = now + timedelta(seconds=30)
        expired = make_delivery(not_before=later, expires_at=now - timedelta(seconds=1))
        assert await verdict_of(claims, expired) is Verdict.CLAIMED
        expiring = make_delivery(not_before=later, expires_at=now + timedelta(seconds=20))
        assert await verdict_of(claims, expiring) is Verdict.EARLY

    async def test_a_claim_that_is_made_twice_by_a_resend_is_answered_as_the_first_time(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        lapses = [Verdict.LAPSED] * (CLAIMS_BEFORE_POISON - 1)
        verdicts = (Verdict.CLAIMED, *lapses, Verdict.POISON)
        for number, verdict in enumerate(verdicts):
            token = f"token-{number}"
            resent = bench.claims(partial(str, token))
            first, second = await resent.claim(message), await resent.claim(message)
            assert (first.verdict, second.verdict) == (verdict, verdict)
            assert first.token == second.token == token
            assert await verdict_of(bench.claims(), message) is Verdict.BUSY
            await bench.lapse(message)

    async def test_each_claim_has_a_token_of_its_own(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        claims = bench.claims()
        first, second = await claims.claim(message), await claims.claim(message)
        assert first.token != second.token
        assert second.verdict is Verdict.BUSY

    async def test_a_settlement_that_is_made_twice_by_a_resend_is_ours_both_times(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        claims = bench.claims()
        token = (await claims.claim(message)).token
        assert await claims.settle(message, settlement_of(message), token)
        assert await claims.settle(message, settlement_of(message), token)

    async def test_a_released_claim_can_be_made_by_anybody_at_once(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        for _ in range(6):
            claims = bench.claims()
            claim = await claims.claim(message)
            assert claim.verdict is Verdict.CLAIMED
            await claims.release(message.delivery_id, claim.token)
            await claims.release(message.delivery_id, claim.token)  # resent

    async def test_what_was_lapsed_is_lapsed_again_after_a_release(
        self, bench: ClaimsBench
    ) -> None:
        """It may have been sent before; that somebody looked at it does not change that."""
        message = make_delivery()
        claims = bench.claims()
        await claims.claim(message)
        await bench.lapse(message)
        for _ in range(6):
            claim = await claims.claim(message)
            assert claim.verdict is Verdict.LAPSED
            await claims.release(message.delivery_id, claim.token)

    async def test_poison_stays_poison_after_a_release(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        claims = bench.claims()
        for _ in range(CLAIMS_BEFORE_POISON):
            await claims.claim(message)
            await bench.lapse(message)
        for _ in range(2):
            claim = await claims.claim(message)
            assert claim.verdict is Verdict.POISON
            await claims.release(message.delivery_id, claim.token)

    async def test_only_its_token_releases_a_claim(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        claims = bench.claims()
        lapsed = await claims.claim(message)
        await bench.lapse(message)
        await claims.claim(message)
        await claims.release(message.delivery_id, lapsed.token)
        assert await verdict_of(claims, message) is Verdict.BUSY

    async def test_releasing_what_nobody_claimed_changes_nothing(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        claims = bench.claims()
        token = (await claims.claim(message)).token
        await claims.release(uuid4(), token)
        await claims.settle(message, settlement_of(message), token)
        await claims.release(message.delivery_id, token)
        assert await verdict_of(claims, message) is Verdict.SETTLED

    async def test_a_late_claim_cannot_settle_what_another_works_on(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        claims = bench.claims()
        late = await claims.claim(message)
        await bench.lapse(message)
        other = await claims.claim(message)
        assert not await claims.settle(message, settlement_of(message), late.token)
        failed = settlement_of(message, OutcomeKind.FAILED)
        assert await claims.settle(message, failed, other.token)
        assert not await claims.settle(message, settlement_of(message), late.token)
        assert (await claims.claim(message)).settlement == failed

    async def test_a_late_claim_cannot_settle_an_attempt_that_was_passed_by(
        self, bench: ClaimsBench
    ) -> None:
        first = make_delivery()
        second = first.model_copy(update={"retry_count": 1})
        claims = bench.claims()
        late = await claims.claim(first)
        await bench.lapse(first)
        later = await claims.claim(second)
        assert not await claims.settle(first, settlement_of(first), late.token)
        await claims.claim(first.model_copy(update={"generation": 1}))
        assert not await claims.settle(second, settlement_of(second), later.token)

    async def test_a_late_claim_settles_what_nobody_has_taken_over(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        claims = bench.claims()
        token = (await claims.claim(message)).token
        await bench.lapse(message)
        assert await claims.settle(message, settlement_of(message), token)

    async def test_an_attempt_that_claims_know_nothing_of_can_be_settled(
        self, bench: ClaimsBench
    ) -> None:
        """As when the claims were away at its beginning, or have lost their memory since."""
        message = make_delivery()
        claims = bench.claims()
        assert await claims.settle(message, settlement_of(message), "unknown")
        claim = await claims.claim(message)
        assert claim.verdict is Verdict.SETTLED
        assert claim.settlement == settlement_of(message)

    async def test_an_attempt_after_the_one_that_claims_know_can_be_settled(
        self, bench: ClaimsBench
    ) -> None:
        first = make_delivery(retry_count=2)
        claims = bench.claims()
        await claims.claim(first)
        replay = first.model_copy(update={"generation": 1, "retry_count": 0})
        assert await claims.settle(replay, settlement_of(replay), "unknown")
        assert await verdict_of(claims, replay) is Verdict.SETTLED

    async def test_an_attempt_that_another_gave_back_meanwhile_can_be_settled(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        claims = bench.claims()
        late = await claims.claim(message)
        await bench.lapse(message)
        other = await claims.claim(message)
        await claims.release(message.delivery_id, other.token)
        assert await claims.settle(message, settlement_of(message), late.token)
        assert await verdict_of(claims, message) is Verdict.SETTLED

    async def test_a_suppressed_address_is_told_and_nobody_holds_the_delivery(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery(recipient=f"{uuid4()}@example.org")
        await bench.suppress(message, "hard_bounce")
        claims = bench.claims()
        for _ in range(5):  # more often than a silent worker is borne with
            claim = await claims.claim(message)
            assert (claim.verdict, claim.suppressed_for) == (Verdict.SUPPRESSED, "hard_bounce")
        assert await claims.settle(
            message, settlement_of(message, OutcomeKind.SUPPRESSED), claim.token
        )
        assert await verdict_of(claims, message) is Verdict.SETTLED

    @pytest.mark.parametrize(
        ("reason", "category", "verdict"),
        [
            ("complaint", "marketing", Verdict.SUPPRESSED),
            ("complaint", "password_reset", Verdict.CLAIMED),
            ("hard_bounce", "password_reset", Verdict.SUPPRESSED),
            ("manual", "password_reset", Verdict.SUPPRESSED),
        ],
    )
    async def test_who_called_something_spam_still_gets_what_is_required(
        self, bench: ClaimsBench, reason: str, category: str, verdict: Verdict
    ) -> None:
        message = make_delivery(recipient=f"{uuid4()}@example.org", category=category)
        await bench.suppress(message, reason)
        assert await verdict_of(bench.claims(), message) is verdict

    async def test_what_was_perhaps_sent_is_not_suppressed_any_more(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery(recipient=f"{uuid4()}@example.org")
        await bench.claims().claim(message)
        await bench.lapse(message)
        await bench.suppress(message, "hard_bounce")
        assert await verdict_of(bench.claims(), message) is Verdict.LAPSED

    async def test_an_address_gets_its_share_of_the_hour_and_the_rest_their_turns(
        self, bench: ClaimsBench
    ) -> None:
        claims = bench.claims(hourly_limit=3)
        to = f"{uuid4()}@example.org"
        deliveries = [make_delivery(recipient=to) for _ in range(7)]
        first = [await claims.claim(each) for each in deliveries]
        assert [claim.verdict for claim in first] == [Verdict.CLAIMED] * 3 + [Verdict.LIMITED] * 4
        waits = [
            (claim.retry_at - claim.now).total_seconds()
            for claim in first
            if claim.retry_at is not None
        ]
        assert waits[:3] == [pytest.approx(3600, abs=5)] * 3
        assert waits[3] == pytest.approx(7200, abs=5)
        assert (
            await verdict_of(claims, make_delivery(recipient=f"{uuid4()}@b.example"))
            is Verdict.CLAIMED
        )

    async def test_a_delivery_keeps_its_turn_however_often_it_asks(
        self, bench: ClaimsBench
    ) -> None:
        claims = bench.claims(hourly_limit=1)
        to = f"{uuid4()}@example.org"
        await claims.claim(make_delivery(recipient=to))
        waiting = make_delivery(recipient=to)
        turns = {(await claims.claim(waiting)).retry_at for _ in range(5)}
        assert len(turns) == 1

    async def test_what_expires_before_its_turn_takes_nobodys(self, bench: ClaimsBench) -> None:
        claims = bench.claims(hourly_limit=1)
        to = f"{uuid4()}@example.org"
        first = await claims.claim(make_delivery(recipient=to))
        hopeless = make_delivery(recipient=to, expires_at=first.now + timedelta(minutes=30))
        refused = await claims.claim(hopeless)
        waiting = await claims.claim(make_delivery(recipient=to))
        assert refused.verdict is waiting.verdict is Verdict.LIMITED
        assert refused.retry_at is not None
        assert waiting.retry_at is not None
        assert abs(waiting.retry_at - refused.retry_at) < timedelta(seconds=5)

    async def test_a_delivery_is_charged_once_however_often_it_is_claimed(
        self, bench: ClaimsBench
    ) -> None:
        claims = bench.claims(hourly_limit=2)
        to = f"{uuid4()}@example.org"
        message = make_delivery(recipient=to)
        for _ in range(3):
            claim = await claims.claim(message)
            assert claim.verdict is Verdict.CLAIMED
            await claims.release(message.delivery_id, claim.token)
        retry = message.model_copy(update={"retry_count": 1})
        assert await verdict_of(claims, retry) is Verdict.CLAIMED
        assert await verdict_of(claims, make_delivery(recipient=to)) is Verdict.CLAIMED
        assert await verdict_of(claims, make_delivery(recipient=to)) is Verdict.LIMITED

    async def test_what_a_user_cannot_do_without_has_no_limit(self, bench: ClaimsBench) -> None:
        claims = bench.claims(hourly_limit=1)
        to = f"{uuid4()}@example.org"
        for _ in range(3):
            message = make_delivery(recipient=to, category="password_reset")
            assert await verdict_of(claims, message) is Verdict.CLAIMED

    async def test_nothing_follows_the_last_attempt_but_a_replay(self, bench: ClaimsBench) -> None:
        claims, message = bench.claims(), make_delivery()
        claim = await claims.claim(message)
        settled = settlement_of(message)
        await claims.settle(message, settled, claim.token)
        later = message.model_copy(update={"retry_count": 1})
        answer = await claims.claim(later)
        assert (answer.verdict, answer.settlement) == (Verdict.SETTLED, settled)
        replay = message.model_copy(update={"generation": 1})
        assert await verdict_of(claims, replay) is Verdict.CLAIMED

    async def test_a_detail_that_looks_like_a_retry_is_none(self, bench: ClaimsBench) -> None:
        claims, message = bench.claims(), make_delivery()
        claim = await claims.claim(message)
        outcome = outcome_of(message, OutcomeKind.FAILED, at=START, detail='"retry_at": 1')
        await claims.settle(message, Settlement(outcome=outcome), claim.token)
        later = message.model_copy(update={"retry_count": 1})
        assert await verdict_of(claims, later) is Verdict.SETTLED

    async def test_a_later_attempt_waits_while_an_earlier_one_is_under_way(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        await bench.claims().claim(message)
        later = message.model_copy(update={"retry_count": 1})
        assert await verdict_of(bench.claims(), later) is Verdict.BUSY
        await bench.lapse(message)
        assert await verdict_of(bench.claims(), later) is Verdict.CLAIMED

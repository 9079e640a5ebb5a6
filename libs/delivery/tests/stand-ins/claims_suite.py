"""What claims promise: run against Redis and against the fake, so that the fake cannot lie."""

import asyncio
from abc import ABC, abstractmethod
from datetime import timedelta
from uuid import uuid4

from deliveries import START, make_delivery

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import OutcomeKind
from delivery.claims import Claims, Settlement, Verdict
from delivery.outcomes import outcome_of


class ClaimsBench(ABC):
    """Claims of several owners over one memory, with leases that tests can wait for."""

    lease_seconds: float

    @abstractmethod
    def owned_by(self, owner: str) -> Claims:
        """The claims of one process."""

    @abstractmethod
    async def pass_time(self, seconds: float) -> None:
        """Let time pass on the claims' clock."""

    async def lapse(self) -> None:
        """Let all leases run out."""
        await self.pass_time(self.lease_seconds * 1.2)


def settlement_of(message: DeliveryMessage, kind: OutcomeKind = OutcomeKind.SENT) -> Settlement:
    return Settlement(outcome=outcome_of(message, kind, at=START, provider="fake"))


async def verdict_of(claims: Claims, message: DeliveryMessage) -> Verdict:
    return (await claims.claim(message)).verdict


class ClaimsSuite:
    """Inherited by a test class per implementation, which has a fixture `bench`."""

    async def test_one_of_many_claims_at_once_is_granted(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        verdicts = await asyncio.gather(
            *(verdict_of(bench.owned_by(f"w{number}"), message) for number in range(50))
        )
        assert sorted(verdicts) == [Verdict.BUSY] * 49 + [Verdict.CLAIMED]

    async def test_deliveries_do_not_stand_in_each_others_way(self, bench: ClaimsBench) -> None:
        claims = bench.owned_by("a")
        assert await verdict_of(claims, make_delivery()) is Verdict.CLAIMED
        assert await verdict_of(claims, make_delivery()) is Verdict.CLAIMED

    async def test_a_lease_that_ran_out_lets_another_take_over(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        await bench.owned_by("a").claim(message)
        await bench.lapse()
        assert await verdict_of(bench.owned_by("b"), message) is Verdict.LAPSED
        assert await verdict_of(bench.owned_by("c"), message) is Verdict.BUSY

    async def test_the_fourth_claim_after_three_silences_is_poison(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        verdicts = []
        for owner in "abcd":
            verdicts.append(await verdict_of(bench.owned_by(owner), message))
            await bench.lapse()
        assert verdicts == [Verdict.CLAIMED, Verdict.LAPSED, Verdict.LAPSED, Verdict.POISON]

    async def test_a_new_attempt_is_not_poisoned_by_the_silences_of_the_one_before(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        for owner in "abc":
            await bench.owned_by(owner).claim(message)
            await bench.lapse()
        later = message.model_copy(update={"retry_count": 1})
        assert await verdict_of(bench.owned_by("d"), later) is Verdict.CLAIMED
        await bench.lapse()
        assert await verdict_of(bench.owned_by("e"), later) is Verdict.LAPSED

    async def test_a_settled_attempt_answers_every_copy_with_its_settlement(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        settlement = settlement_of(message)
        claims = bench.owned_by("a")
        await claims.claim(message)
        assert await claims.settle(message, settlement)
        for owner in "ab":
            claim = await bench.owned_by(owner).claim(message)
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
        claims = bench.owned_by("a")
        await claims.claim(message)
        await claims.settle(message, settlement)
        assert (await claims.claim(message)).settlement == settlement

    async def test_a_copy_of_an_older_attempt_gets_the_later_ones_settlement(
        self, bench: ClaimsBench
    ) -> None:
        first = make_delivery()
        second = first.model_copy(update={"retry_count": 1})
        claims = bench.owned_by("a")
        await claims.claim(second)
        assert await verdict_of(claims, first) is Verdict.SUPERSEDED
        await claims.settle(second, settlement_of(second))
        claim = await claims.claim(first)
        assert claim.verdict is Verdict.SETTLED
        assert claim.settlement == settlement_of(second)

    async def test_the_next_attempt_can_be_claimed_while_the_last_still_counts_as_under_way(
        self, bench: ClaimsBench
    ) -> None:
        first = make_delivery()
        await bench.owned_by("a").claim(first)
        second = first.model_copy(update={"retry_count": 1})
        assert await verdict_of(bench.owned_by("b"), second) is Verdict.CLAIMED

    async def test_a_replay_begins_anew_and_makes_older_copies_superseded(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery(retry_count=5)
        claims = bench.owned_by("a")
        await claims.claim(message)
        await claims.settle(message, settlement_of(message, OutcomeKind.FAILED))
        replay = message.model_copy(update={"generation": 1, "retry_count": 0})
        assert await verdict_of(claims, replay) is Verdict.CLAIMED
        assert await verdict_of(claims, message) is Verdict.SUPERSEDED
        await claims.settle(replay, settlement_of(replay))
        assert await verdict_of(claims, message) is Verdict.SUPERSEDED

    async def test_a_copy_before_its_time_is_early_and_leaves_no_claim(
        self, bench: ClaimsBench
    ) -> None:
        claims = bench.owned_by("a")
        now = (await claims.claim(make_delivery())).now
        message = make_delivery(not_before=now + timedelta(seconds=30))
        assert await verdict_of(claims, message) is Verdict.EARLY
        due = message.model_copy(update={"not_before": now + timedelta(seconds=0.3)})
        assert await verdict_of(claims, due) is Verdict.CLAIMED

    async def test_a_released_claim_can_be_made_by_anybody_at_once(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        for owner in "abcdef":
            claims = bench.owned_by(owner)
            assert await verdict_of(claims, message) is Verdict.CLAIMED
            await claims.release(message.delivery_id)

    async def test_only_its_owner_releases_a_claim(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        await bench.owned_by("a").claim(message)
        await bench.owned_by("b").release(message.delivery_id)
        assert await verdict_of(bench.owned_by("c"), message) is Verdict.BUSY

    async def test_releasing_what_nobody_claimed_changes_nothing(self, bench: ClaimsBench) -> None:
        message = make_delivery()
        claims = bench.owned_by("a")
        await claims.release(uuid4())
        await claims.claim(message)
        await claims.settle(message, settlement_of(message))
        await claims.release(message.delivery_id)
        assert await verdict_of(claims, message) is Verdict.SETTLED

    async def test_a_late_owner_cannot_settle_what_another_works_on(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        late, other = bench.owned_by("a"), bench.owned_by("b")
        await late.claim(message)
        await bench.lapse()
        await other.claim(message)
        assert not await late.settle(message, settlement_of(message))
        assert await other.settle(message, settlement_of(message, OutcomeKind.FAILED))
        assert not await late.settle(message, settlement_of(message))
        settlement = (await late.claim(message)).settlement
        assert settlement == settlement_of(message, OutcomeKind.FAILED)

    async def test_a_late_owner_cannot_settle_an_attempt_that_was_passed_by(
        self, bench: ClaimsBench
    ) -> None:
        first = make_delivery()
        second = first.model_copy(update={"retry_count": 1})
        late = bench.owned_by("a")
        await late.claim(first)
        await bench.owned_by("b").claim(second)
        assert not await late.settle(first, settlement_of(first))
        replay = first.model_copy(update={"generation": 1})
        await bench.owned_by("b").claim(replay)
        assert not await late.settle(second, settlement_of(second))

    async def test_a_late_owner_settles_what_nobody_has_taken_over(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        claims = bench.owned_by("a")
        await claims.claim(message)
        await bench.lapse()
        assert await claims.settle(message, settlement_of(message))

    async def test_an_attempt_that_claims_know_nothing_of_can_be_settled(
        self, bench: ClaimsBench
    ) -> None:
        """As when the claims were away at its beginning, or have lost their memory since."""
        message = make_delivery()
        claims = bench.owned_by("a")
        assert await claims.settle(message, settlement_of(message))
        claim = await claims.claim(message)
        assert claim.verdict is Verdict.SETTLED
        assert claim.settlement == settlement_of(message)

    async def test_an_attempt_after_the_one_that_claims_know_can_be_settled(
        self, bench: ClaimsBench
    ) -> None:
        first = make_delivery(retry_count=2)
        claims = bench.owned_by("a")
        await claims.claim(first)
        replay = first.model_copy(update={"generation": 1, "retry_count": 0})
        assert await claims.settle(replay, settlement_of(replay))
        assert await verdict_of(claims, replay) is Verdict.SETTLED

    async def test_an_attempt_that_another_gave_back_meanwhile_can_be_settled(
        self, bench: ClaimsBench
    ) -> None:
        message = make_delivery()
        late, other = bench.owned_by("a"), bench.owned_by("b")
        await late.claim(message)
        await bench.lapse()
        await other.claim(message)
        await other.release(message.delivery_id)
        assert await late.settle(message, settlement_of(message))
        assert await verdict_of(other, message) is Verdict.SETTLED

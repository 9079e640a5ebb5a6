"""A worker dies between any two steps, and another gets the copy: what was sent and published."""

from collections import Counter

import pytest
from bench import DeliverBench, crash_in
from crash_points import CrashPoints
from deliveries import make_delivery

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import OutcomeKind
from delivery.errors import PermanentDeliveryError, TransientDeliveryError
from delivery.redis_claims import CLAIMS_BEFORE_POISON

LONGER_THAN_A_LEASE = 40
PLACES = range(20)
"""More than any delivery passes; dying beyond the last is not dying."""

DURING_THE_SEND = ("after the claim", "before rendering", "before the send")
AFTER_THE_YES = ("after the provider took it", "before the settlement")


def distinct(bench: DeliverBench, kind: OutcomeKind) -> int:
    return len({outcome.event_id for outcome in bench.reports.outcomes if outcome.kind is kind})


async def die_and_take_over(
    bench: DeliverBench, message: DeliveryMessage, place: int, *, is_late: bool = False
) -> str | None:
    """One worker dies at `place`, the next gets the copy once the broker has noticed.

    Args:
        is_late: The broker notices only after everything that was already out has ended.
    """
    points = CrashPoints(place)
    died = await crash_in(bench.worker(points=points), message)
    survivor = bench.worker()
    bench.store.pass_time(LONGER_THAN_A_LEASE)
    if is_late:
        await bench.drain(survivor)
    if died:
        await survivor(message, repeated=True)
    await bench.drain(survivor)
    return points.place_of_death if died else None


@pytest.mark.parametrize("place", PLACES)
async def test_a_delivery_is_sent_and_reported_wherever_a_worker_dies(place: int) -> None:
    bench = DeliverBench()
    died = await die_and_take_over(bench, make_delivery(), place)
    assert len(bench.provider.taken) == (2 if died in AFTER_THE_YES else 1)
    assert set(bench.reports.kinds) == {OutcomeKind.SENT}
    assert distinct(bench, OutcomeKind.SENT) == 1
    assert not bench.reports.dead_letters


@pytest.mark.parametrize("place", PLACES)
async def test_what_may_not_be_doubled_never_is(place: int) -> None:
    bench = DeliverBench()
    died = await die_and_take_over(bench, make_delivery(ambiguous="hold"), place)
    is_doubtful = died in DURING_THE_SEND + AFTER_THE_YES
    assert len(bench.provider.taken) == (0 if died in DURING_THE_SEND else 1)
    expected = OutcomeKind.UNKNOWN if is_doubtful else OutcomeKind.SENT
    assert set(bench.reports.kinds) == {expected}


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("place", PLACES)
async def test_a_retry_follows_and_each_attempt_is_told_wherever_a_worker_dies(
    place: int, is_late: bool
) -> None:
    bench = DeliverBench()
    bench.provider.answers = [TransientDeliveryError("greylisted")]
    died = await die_and_take_over(bench, make_delivery(), place, is_late=is_late)
    assert len(bench.provider.taken) == 1
    assert distinct(bench, OutcomeKind.SENT) == 1
    # Before its settlement a failed attempt is forgotten with the worker, and made again.
    forgotten = died == "before the settlement"
    assert distinct(bench, OutcomeKind.DELIVERY_ATTEMPTED) == (0 if forgotten else 1)


@pytest.mark.parametrize("place", PLACES)
async def test_a_refusal_becomes_a_dead_letter_wherever_a_worker_dies(place: int) -> None:
    bench = DeliverBench()
    bench.provider.always = PermanentDeliveryError("no_such_user")
    message = make_delivery()
    await die_and_take_over(bench, message, place)
    assert {(dead.delivery_id, reason) for dead, reason, _ in bench.reports.dead_letters} == {
        (message.delivery_id, "no_such_user")
    }
    assert set(bench.reports.kinds) == {OutcomeKind.FAILED}
    assert distinct(bench, OutcomeKind.FAILED) == 1


async def test_every_step_of_a_delivery_is_a_place_to_die_at() -> None:
    bench = DeliverBench()
    bench.provider.answers = [TransientDeliveryError("greylisted")]
    points = CrashPoints()
    await bench.worker(points=points)(make_delivery(), repeated=False)
    assert points.passed == [
        "before the claim",
        "after the claim",
        "before rendering",
        "before the send",
        "before the settlement",
        "after the settlement",
        "before the outcome",
        "after the outcome",
        "before the hop",
        "after the hop",
    ]


async def test_a_message_that_kills_every_worker_is_buried_in_the_end() -> None:
    bench = DeliverBench()
    message = make_delivery()
    deaths: Counter[str] = Counter()
    for _ in range(CLAIMS_BEFORE_POISON):
        points = CrashPoints(3)
        assert await crash_in(bench.worker(points=points), message)
        deaths[str(points.place_of_death)] += 1
        bench.store.pass_time(LONGER_THAN_A_LEASE)
    assert deaths == {"before the send": CLAIMS_BEFORE_POISON}
    await bench.worker()(message, repeated=True)
    assert bench.reports.kinds == [OutcomeKind.FAILED]
    assert [reason for _, reason, _ in bench.reports.dead_letters] == ["poison"]


@pytest.mark.parametrize("place", PLACES)
async def test_a_postponed_delivery_is_sent_once_wherever_a_worker_dies(place: int) -> None:
    bench = DeliverBench()
    bench.provider.answers = [TransientDeliveryError("connect_failed", provider_failed=True)]
    await die_and_take_over(bench, make_delivery(), place)
    assert len(bench.provider.taken) == 1
    assert distinct(bench, OutcomeKind.SENT) == 1
    assert not bench.reports.dead_letters


@pytest.mark.parametrize("place", PLACES)
async def test_what_is_handed_back_is_told_wherever_a_worker_dies(place: int) -> None:
    bench = DeliverBench()
    bench.provider.always = TransientDeliveryError("quota", retry_after=2 * 3600)
    await die_and_take_over(bench, make_delivery(), place)
    assert not bench.provider.taken
    parked = [outcome for outcome in bench.reports.outcomes if outcome.parked]
    assert {outcome.next_retry_count for outcome in parked} == {1}
    assert len({outcome.event_id for outcome in parked}) == 1

"""What a process holds for true of a breaker when answers come late, or out of order."""

import pytest
from chain_bench import RULES
from fake_breakers import BreakerStore, FakeBreakers

from delivery.breaker_view import BreakerView
from delivery.breakers import BreakerReading, BreakersUnavailableError
from delivery.metrics import DeliveryMetrics
from servicekit.breaker import BreakerState, Permit, Phase
from servicekit.metrics import Metrics

OPEN = BreakerState(epoch=7, open_until=1_060_000)
CLOSED = BreakerState(epoch=5)


@pytest.fixture
def store() -> BreakerStore:
    return BreakerStore()


@pytest.fixture
def told() -> list[Phase]:
    return []


@pytest.fixture
def view(store: BreakerStore, told: list[Phase]) -> BreakerView:
    made = BreakerView(
        "smtp",
        FakeBreakers(store, RULES),
        full=8,
        monotonic=store.monotonic,
        changed=lambda: told.append(made.phase),
        metrics=DeliveryMetrics(Metrics()),
    )
    return made


def read_at(seconds: float, state: BreakerState) -> BreakerReading:
    return BreakerReading(state, round(seconds * 1e6))


def test_tells_of_every_state(view: BreakerView, told: list[Phase]) -> None:
    view.adopt(read_at(1_000, OPEN), asked_at=1_000)
    assert told == [Phase.OPEN]
    assert view.permit() is None
    assert view.wait_seconds == pytest.approx(60)


def test_an_older_answer_that_comes_later_changes_nothing(
    view: BreakerView, store: BreakerStore
) -> None:
    store.pass_time(1)
    view.adopt(read_at(1_000.002, OPEN), asked_at=1_000)
    view.adopt(read_at(1_000.001, CLOSED), asked_at=1_000)
    assert view.phase is Phase.OPEN


def test_an_answer_asked_for_later_counts_even_where_the_groups_clock_went_back(
    view: BreakerView, store: BreakerStore
) -> None:
    view.adopt(read_at(1_000, OPEN), asked_at=1_000)
    store.pass_time(1)
    view.adopt(read_at(500, CLOSED), asked_at=1_001)
    assert view.permit() == Permit(5)


def test_time_is_the_groups(view: BreakerView, store: BreakerStore) -> None:
    ahead = BreakerState(epoch=7, open_until=99_060_000)
    view.adopt(read_at(99_000, ahead), asked_at=1_000)
    assert view.wait_seconds == pytest.approx(60)
    store.pass_time(59)
    phases = [view.phase]
    store.pass_time(1)
    phases.append(view.phase)
    assert phases == [Phase.OPEN, Phase.HALF_OPEN]


def test_what_it_made_up_alone_gives_way_to_what_the_group_says(view: BreakerView) -> None:
    view.adopt(read_at(1_000, OPEN), asked_at=1_000)
    view.part(BreakersUnavailableError("away"))
    view.adopt(read_at(999, CLOSED), asked_at=999)
    assert view.phase is Phase.CLOSED


async def test_a_group_that_does_not_answer_is_left_alone_until_it_is_read_again(
    view: BreakerView, store: BreakerStore
) -> None:
    store.is_away = True
    await view.failed(Permit())
    store.is_away = False
    await view.failed(Permit())
    await view.failed(Permit())
    assert view.phase is Phase.OPEN
    assert store.steps == []
    view.adopt(read_at(1_000, BreakerState()), asked_at=1_000)
    await view.failed(Permit())
    assert store.steps == ["failed"]


async def test_a_probe_that_the_group_granted_can_fail_without_it(
    view: BreakerView, store: BreakerStore
) -> None:
    for _ in range(3):
        await view.failed(Permit())
    opened = store.state("smtp").epoch
    store.pass_time(60)
    permit = await view.take_probe("mine", 30)
    assert permit == Permit(opened, "mine")
    assert not view.may_probe
    store.is_away = True
    await view.failed(permit)
    assert view.phase is Phase.OPEN
    assert view.wait_seconds == pytest.approx(60)


async def test_alone_a_probe_is_granted_by_the_same_rules(
    view: BreakerView, store: BreakerStore
) -> None:
    store.is_away = True
    for _ in range(3):
        await view.failed(Permit())
    assert await view.take_probe("early", 30) is None
    store.pass_time(60)
    assert await view.take_probe("mine", 30) is not None
    assert await view.take_probe("other", 30) is None
    await view.give_back_probe("mine")
    assert await view.take_probe("other", 30) is not None

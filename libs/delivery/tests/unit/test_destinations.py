"""Shares of the places where deliveries are under way."""

from typing import cast

import pytest
from aio_pika.abc import AbstractIncomingMessage
from deliveries import make_delivery

from contracts.notification import NotificationType
from delivery.destinations import Destinations, destination_of
from delivery.lanes import Lanes
from delivery.worker import _for_a, _Received

PLACES = 16


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def destinations(clock: Clock) -> Destinations:
    return Destinations(PLACES, monotonic=clock)


def attempt(destinations: Destinations, clock: Clock, name: str, seconds: float) -> None:
    ticket = destinations.begin(name)
    clock.now += seconds
    destinations.end(name, ticket)


def fill(destinations: Destinations, name: str) -> int:
    """Begin as many as there is room for."""
    count = 0
    while destinations.has_room(name):
        destinations.begin(name)
        count += 1
    return count


def test_the_destination_of_a_mail_is_its_domain() -> None:
    assert destination_of(make_delivery(recipient='"a@b"@Example.ORG')) == "example.org"


def test_pushes_have_no_destination_but_their_provider() -> None:
    push = make_delivery(notification_type=NotificationType.PUSH, recipient="token@x")
    assert destination_of(push) is None


def test_no_destination_takes_all_places_from_others(
    destinations: Destinations, clock: Clock
) -> None:
    attempt(destinations, clock, "b.example", 0.1)
    assert fill(destinations, "a.example") == 12
    assert destinations.has_room("b.example")


def test_a_destination_alone_may_have_all_places(destinations: Destinations, clock: Clock) -> None:
    assert fill(destinations, "a.example") == PLACES


def test_who_was_here_minutes_ago_needs_no_place_now(
    destinations: Destinations, clock: Clock
) -> None:
    attempt(destinations, clock, "b.example", 0.1)
    clock.now += 300
    assert fill(destinations, "a.example") == PLACES


def test_what_has_no_destination_has_always_room(destinations: Destinations) -> None:
    for _ in range(100):
        assert destinations.has_room(None)
        destinations.begin(None)


def test_a_slow_destination_gets_a_quarter_while_others_are_quick(
    destinations: Destinations, clock: Clock
) -> None:
    attempt(destinations, clock, "quick.example", 0.1)
    attempt(destinations, clock, "slow.example", 10)
    assert destinations.is_slow("slow.example")
    assert fill(destinations, "slow.example") == 4
    assert not destinations.is_slow("quick.example")
    assert fill(destinations, "quick.example") == 12


def test_one_that_does_not_answer_is_slow_before_its_first_answer(
    destinations: Destinations, clock: Clock
) -> None:
    attempt(destinations, clock, "quick.example", 0.1)
    for _ in range(5):
        destinations.begin("hanging.example")
    clock.now += 3
    assert destinations.is_slow("hanging.example")
    assert not destinations.has_room("hanging.example")


def test_where_all_are_slow_it_is_the_provider_and_nobody_is_held_back(
    destinations: Destinations, clock: Clock
) -> None:
    for name in ("a.example", "b.example"):
        attempt(destinations, clock, name, 10)
    assert not destinations.is_slow("a.example")
    assert fill(destinations, "a.example") == 12


def test_a_destination_alone_is_never_slow(destinations: Destinations, clock: Clock) -> None:
    attempt(destinations, clock, "a.example", 10)
    assert not destinations.is_slow("a.example")


def test_a_destination_recovers(destinations: Destinations, clock: Clock) -> None:
    attempt(destinations, clock, "slow.example", 10)
    for _ in range(8):
        attempt(destinations, clock, "slow.example", 0.1)
        attempt(destinations, clock, "quick.example", 0.1)
    assert not destinations.is_slow("slow.example")


def test_what_was_seen_long_ago_tells_nothing(destinations: Destinations, clock: Clock) -> None:
    attempt(destinations, clock, "quick.example", 0.1)
    clock.now += 500
    attempt(destinations, clock, "slow.example", 10)
    assert not destinations.is_slow("slow.example")


def test_the_memory_is_bounded_and_keeps_what_is_under_way(
    destinations: Destinations, clock: Clock
) -> None:
    ticket = destinations.begin("waits.example")
    for number in range(3_000):
        attempt(destinations, clock, f"{number}.example", 0.001)
    assert len(destinations._known) <= 1_001
    destinations.end("waits.example", ticket)


def test_a_lane_full_of_one_destination_asks_about_it_once() -> None:
    """To say that one is slow costs a look at all others, up to a thousand."""
    lanes: Lanes[_Received] = Lanes()
    incoming = cast("AbstractIncomingMessage", object())
    for name in [*["slow.example"] * 64, "quick.example"]:
        lanes.put(_Received(incoming, None, name), is_priority=False)
    asked: list[str | None] = []

    def has_room(name: str | None) -> bool:
        asked.append(name)
        return name == "quick.example"

    taken = lanes.take(_for_a(has_room))
    assert taken is not None
    assert taken.destination == "quick.example"
    assert asked == ["slow.example", "quick.example"]

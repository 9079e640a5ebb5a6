"""The order in which the two lanes are served."""

from hypothesis import given
from hypothesis import strategies as st

from delivery.lanes import PRIORITY_SHARE, Lanes


def filled(priority: int, normal: int) -> Lanes[str]:
    lanes: Lanes[str] = Lanes()
    for number in range(normal):
        lanes.put(f"n{number}", is_priority=False)
    for number in range(priority):
        lanes.put(f"p{number}", is_priority=True)
    return lanes


def take_all(lanes: Lanes[str]) -> list[str]:
    taken = [lanes.take() for _ in range(len(lanes))]
    return [item for item in taken if item is not None]


def test_takes_four_of_the_priority_lane_for_one_of_the_other() -> None:
    order = take_all(filled(10, 3))
    assert order == ["p0", "p1", "p2", "p3", "n0", "p4", "p5", "p6", "p7", "n1", "p8", "p9", "n2"]


def test_one_lane_alone_is_served_in_its_order() -> None:
    assert take_all(filled(6, 0)) == [f"p{number}" for number in range(6)]
    assert take_all(filled(0, 6)) == [f"n{number}" for number in range(6)]


def test_what_was_taken_while_nobody_else_waited_does_not_count() -> None:
    lanes = filled(12, 0)
    for _ in range(7):
        lanes.take()
    lanes.put("n0", is_priority=False)
    assert take_all(lanes) == ["p7", "p8", "p9", "p10", "n0", "p11"]


def test_nothing_can_be_taken_where_nothing_waits() -> None:
    lanes = filled(2, 2)
    assert sorted(lanes.clear()) == ["n0", "n1", "p0", "p1"]
    assert len(lanes) == 0
    assert lanes.take() is None


def test_what_may_not_go_lets_others_pass_and_keeps_its_place() -> None:
    lanes = filled(3, 2)
    assert lanes.take(lambda item: item not in {"p0", "p1"}) == "p2"
    assert lanes.take(lambda item: item.startswith("n")) == "n0"
    assert lanes.take(lambda _: False) is None
    assert take_all(lanes) == ["p0", "p1", "n1"]


def test_callers_take_turns_each_in_its_own_order() -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(5):
        lanes.put(f"a{number}", is_priority=False, caller="a")
    for caller in "bc":
        for number in range(2):
            lanes.put(f"{caller}{number}", is_priority=False, caller=caller)
    assert take_all(lanes) == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "a3", "a4"]


def test_who_comes_late_waits_for_one_turn_only() -> None:
    lanes: Lanes[str] = Lanes()
    for number in range(50):
        lanes.put(f"a{number}", is_priority=True, caller="a")
    assert lanes.take() == "a0"
    lanes.put("b0", is_priority=True, caller="b")
    assert [lanes.take(), lanes.take(), lanes.take()] == ["a1", "b0", "a2"]


def test_a_caller_of_whom_nothing_may_go_keeps_its_turn() -> None:
    lanes: Lanes[str] = Lanes()
    for item in ("a0", "b0", "b1"):
        lanes.put(item, is_priority=False, caller=item[0])
    assert lanes.take(lambda item: item != "a0") == "b0"
    assert take_all(lanes) == ["a0", "b1"]


@given(st.lists(st.sampled_from(["priority", "normal", "take"]), max_size=200))
def test_neither_lane_starves_and_none_loses_its_order(actions: list[str]) -> None:
    lanes: Lanes[tuple[bool, int]] = Lanes()
    waiting = {True: 0, False: 0}
    put = {True: 0, False: 0}
    taken: dict[bool, int] = {True: 0, False: 0}
    passed_over = 0
    for action in actions:
        if action != "take":
            lane = action == "priority"
            lanes.put((lane, put[lane]), is_priority=lane)
            put[lane] += 1
            waiting[lane] += 1
        elif len(lanes):
            both = waiting[True] > 0 and waiting[False] > 0
            item = lanes.take()
            assert item is not None
            lane, number = item
            assert number == taken[lane]
            taken[lane] += 1
            waiting[lane] -= 1
            if lane and both:
                passed_over += 1
            elif not lane:
                assert not both or passed_over == PRIORITY_SHARE
                passed_over = 0
            elif not both:
                passed_over = 0
            assert passed_over <= PRIORITY_SHARE
    assert len(lanes) == waiting[True] + waiting[False]

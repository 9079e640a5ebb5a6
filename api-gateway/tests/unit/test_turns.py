"""Whose messages go at once, and how far a relay fills a lane."""

from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.turns import CROWDED_FROM, FEWEST, MOST, LaneWindow, Pace

WINDOW = 100


def let_through(lane: LaneWindow, client_id: str, messages: int) -> int:
    return sum(lane.goes_at_once(client_id) for _ in range(messages))


def test_a_caller_has_its_window_and_takes_nothing_from_another() -> None:
    lane = LaneWindow(WINDOW)
    assert let_through(lane, "a", 500) == WINDOW
    assert let_through(lane, "b", 10) == 10


def test_a_new_interval_is_a_new_window_for_whoever_has_nothing_waiting() -> None:
    lane = LaneWindow(WINDOW)
    let_through(lane, "a", 500)
    lane.measured(0, {"a"})
    assert let_through(lane, "a", 500) == 0
    lane.measured(0, set())
    assert let_through(lane, "a", 500) == WINDOW


def test_what_a_caller_sends_next_does_not_overtake_what_waits() -> None:
    lane = LaneWindow(WINDOW)
    lane.measured(CROWDED_FROM, set())
    sent = [lane.goes_at_once("a") for _ in range(20)]
    assert sent == [True] * 10 + [False] * 10


def test_in_a_crowded_lane_windows_are_smaller_and_all_of_them_bounded() -> None:
    lane = LaneWindow(WINDOW)
    lane.measured(0, {"flood"})
    assert let_through(lane, "b", 50) == WINDOW // 10
    all_others = sum(let_through(lane, f"c{number}", 50) for number in range(100))
    assert WINDOW // 10 + all_others == 2 * CROWDED_FROM


def test_without_a_window_everything_goes_at_once() -> None:
    lane = LaneWindow(0)
    lane.measured(10_000, {"a"})
    assert let_through(lane, "a", 1_000) == 1_000


def test_a_lane_is_measured_while_it_is_used_or_crowded() -> None:
    lane = LaneWindow(WINDOW)
    seen = [lane.is_in_use]
    lane.goes_at_once("a")
    seen.append(lane.is_in_use)
    for ready, waiting in ((CROWDED_FROM, set()), (CROWDED_FROM - 1, {"a"}), (0, set())):
        lane.measured(ready, waiting)
        seen.append(lane.is_in_use)
    assert seen == [False, True, True, True, False]


@given(
    window=st.integers(1, 1_000),
    ready=st.integers(0, 200),
    waiting=st.sets(st.sampled_from("abcdef")),
    messages=st.lists(st.sampled_from("abcdef"), max_size=600),
)
def test_no_caller_gets_more_than_its_window_and_who_waits_gets_nothing(
    window: int, ready: int, waiting: set[str], messages: list[str]
) -> None:
    lane = LaneWindow(window)
    lane.measured(ready, set(waiting))
    sent = [client_id for client_id in messages if lane.goes_at_once(client_id)]
    assert all(sent.count(client_id) <= window for client_id in "abcdef")
    assert not waiting & set(sent)
    if waiting or ready >= CROWDED_FROM:
        assert len(sent) <= max(0, 2 * CROWDED_FROM - ready)


def filled(pace: Pace, ready: int, *, due: int) -> int:
    """Messages put into the lane in one round."""
    room = pace.room(ready)
    count = min(room, due)
    pace.taken(count, room=room, ready=ready)
    return count


def test_a_lane_that_runs_empty_is_filled_further_each_time() -> None:
    pace = Pace()
    rounds = [filled(pace, 0, due=10_000) for _ in range(9)]
    assert rounds == [8, 16, 32, 64, 128, 256, 512, MOST, MOST]


def test_a_lane_that_nobody_empties_is_filled_no_further() -> None:
    pace = Pace()
    assert filled(pace, 0, due=10_000) == FEWEST
    assert [filled(pace, FEWEST, due=10_000) for _ in range(3)] == [0, 0, 0]
    assert not pace.is_pressing


def test_a_lane_is_filled_as_far_as_workers_empty_it_in_a_round() -> None:
    ready, pace, totals = 0, Pace(), []
    for _ in range(200):
        ready += filled(pace, ready, due=10_000)
        totals.append(ready)
        ready = max(0, ready - 40)
        assert pace.is_pressing
    assert 40 <= max(totals[100:]) <= 100


def test_without_rows_nothing_presses() -> None:
    pace = Pace()
    assert filled(pace, 0, due=3) == 3
    assert not pace.is_pressing

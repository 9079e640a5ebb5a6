"""The breaker's rules, step by step; times are milliseconds."""

from dataclasses import replace

import pytest

from servicekit.breaker import (
    BreakerRules,
    BreakerState,
    Change,
    Permit,
    Phase,
    after_failure,
    after_success,
    may_probe,
    phase_of,
    share_of,
    wait_of,
    with_probe,
    without_probe,
)

RULES = BreakerRules(failures=3, open_seconds=60, successes=2, ramp_seconds=30)
CLOSED = BreakerState(epoch=500)
OPEN = BreakerState(epoch=1_000, open_until=61_000)
PROBED = replace(OPEN, probe="a", probe_until=90_000)
ORDINARY = Permit(500)
PROBE = Permit(1_000, "a")


@pytest.mark.parametrize(
    ("before", "permit", "after", "change"),
    [
        (CLOSED, ORDINARY, replace(CLOSED, failures=1), Change.NONE),
        (replace(CLOSED, failures=1), ORDINARY, replace(CLOSED, failures=2), Change.NONE),
        (
            replace(CLOSED, failures=2),
            ORDINARY,
            BreakerState(epoch=70_000, open_until=130_000),
            Change.OPENED,
        ),
        (replace(CLOSED, failures=2), Permit(499), replace(CLOSED, failures=2), Change.NONE),
        (OPEN, Permit(500), OPEN, Change.NONE),
        (OPEN, Permit(1_000), OPEN, Change.NONE),
        (OPEN, PROBE, OPEN, Change.NONE),
        (PROBED, Permit(1_000, "b"), PROBED, Change.NONE),
        (PROBED, PROBE, BreakerState(epoch=70_000, open_until=130_000), Change.PROBE_FAILED),
        (
            replace(PROBED, successes=1),
            PROBE,
            BreakerState(epoch=70_000, open_until=130_000),
            Change.PROBE_FAILED,
        ),
    ],
    ids=[
        "the first failure is counted",
        "the second failure is counted",
        "the last failure opens it",
        "a failure of a call from before the last change is not counted",
        "what was under way when it opened does not extend it",
        "an ordinary failure while it is open does not extend it",
        "a probe that was given back and failed late changes nothing",
        "a probe that another has taken over changes nothing",
        "a failed probe opens it for the full time",
        "a success before does not save a failed probe",
    ],
)
def test_a_failure(
    before: BreakerState, permit: Permit, after: BreakerState, change: Change
) -> None:
    assert after_failure(before, permit, 70_000, RULES) == (after, change)


@pytest.mark.parametrize(
    ("before", "permit", "after", "change"),
    [
        (replace(CLOSED, failures=2), ORDINARY, CLOSED, Change.NONE),
        (replace(CLOSED, failures=2), Permit(499), replace(CLOSED, failures=2), Change.NONE),
        (OPEN, Permit(500), OPEN, Change.NONE),
        (PROBED, Permit(1_000), PROBED, Change.NONE),
        (PROBED, Permit(1_000, "b"), PROBED, Change.NONE),
        (PROBED, PROBE, replace(OPEN, successes=1), Change.NONE),
        (
            replace(PROBED, successes=1),
            PROBE,
            BreakerState(epoch=70_000, closed_at=70_000),
            Change.CLOSED,
        ),
    ],
    ids=[
        "the failures before it are forgotten",
        "a success of a call from before the last change forgets nothing",
        "what was under way when it opened does not close it",
        "an ordinary success while it is open does not close it",
        "a probe that another has taken over changes nothing",
        "the first probe lets the next one follow at once",
        "the last probe closes it and begins the ramp",
    ],
)
def test_a_success(
    before: BreakerState, permit: Permit, after: BreakerState, change: Change
) -> None:
    assert after_success(before, permit, 70_000, RULES) == (after, change)


def test_each_change_has_an_epoch_of_its_own_even_where_the_clock_stands() -> None:
    state, _ = after_failure(replace(CLOSED, failures=2), ORDINARY, 500, RULES)
    assert state.epoch == 501


@pytest.mark.parametrize(
    ("state", "now", "phase", "wait", "probe"),
    [
        (CLOSED, 0, Phase.CLOSED, 0, False),
        (OPEN, 1_000, Phase.OPEN, 60_000, False),
        (OPEN, 60_999, Phase.OPEN, 1, False),
        (OPEN, 61_000, Phase.HALF_OPEN, 0, True),
        (PROBED, 89_999, Phase.HALF_OPEN, 0, False),
        (PROBED, 90_000, Phase.HALF_OPEN, 0, True),
    ],
)
def test_is_closed_open_or_half_open(
    state: BreakerState, now: int, phase: Phase, wait: int, probe: bool
) -> None:
    assert phase_of(state, now) is phase
    assert wait_of(state, now) == wait
    assert may_probe(state, now) is probe


@pytest.mark.parametrize(
    ("state", "token", "now", "after"),
    [
        (CLOSED, "b", 70_000, CLOSED),
        (OPEN, "b", 60_999, OPEN),
        (OPEN, "b", 61_000, replace(OPEN, probe="b", probe_until=71_000)),
        (PROBED, "b", 89_999, PROBED),
        (PROBED, "b", 90_000, replace(OPEN, probe="b", probe_until=100_000)),
        (PROBED, "a", 70_000, replace(OPEN, probe="a", probe_until=80_000)),
    ],
    ids=[
        "closed it has none",
        "not before its time",
        "to the first who asks",
        "to one at a time",
        "to another when the lease has run out",
        "to whoever has it once more",
    ],
)
def test_the_probe_goes(state: BreakerState, token: str, now: int, after: BreakerState) -> None:
    assert with_probe(state, token, now, 10_000) == after


def test_only_its_token_gives_a_probe_back() -> None:
    assert without_probe(PROBED, "a") == OPEN
    assert without_probe(PROBED, "b") == PROBED
    assert without_probe(OPEN, "") == OPEN


@pytest.mark.parametrize(
    ("seconds", "share"), [(0, 1), (0.9, 1), (1, 2), (15, 16), (29.9, 31), (30, 32), (99, 32)]
)
def test_the_ramp_goes_from_one_to_all(seconds: float, share: int) -> None:
    ramping = BreakerState(epoch=70_000, closed_at=70_000)
    assert share_of(ramping, 70_000 + round(seconds * 1000), 32, RULES) == share


def test_there_is_no_ramp_without_an_opening_and_no_share_while_it_is_open() -> None:
    assert share_of(CLOSED, 1, 32, RULES) == 32
    assert share_of(OPEN, 99_000, 32, RULES) == 0
    steep = replace(RULES, ramp_seconds=0)
    assert share_of(BreakerState(epoch=70_000, closed_at=70_000), 70_000, 32, steep) == 32


def test_the_ramp_begins_with_one_even_where_the_clock_went_back() -> None:
    ramping = BreakerState(epoch=70_000, closed_at=70_000)
    assert share_of(ramping, 60_000, 32, RULES) == 1

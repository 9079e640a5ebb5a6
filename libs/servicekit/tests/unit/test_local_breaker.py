"""One process's breaker, call by call, on a clock that the test turns."""

import pytest
from structlog.testing import capture_logs

from servicekit.breaker import BreakerRules, Permit, Phase
from servicekit.local_breaker import LocalBreaker
from servicekit.metrics import Metrics

RULES = BreakerRules(failures=3, open_seconds=1.0, successes=1, ramp_seconds=0.0)
CLOSED, HALF_OPEN, OPEN = Phase.CLOSED, Phase.HALF_OPEN, Phase.OPEN


class Bench:
    """A breaker, its clock and its metrics."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0
        self.metrics = Metrics()
        self.breaker = LocalBreaker(
            "owner",
            probe_seconds=3.0,
            rules=RULES,
            monotonic=lambda: self.seconds,
            metrics=self.metrics,
        )

    def permit(self) -> Permit:
        permit = self.breaker.permit()
        assert permit is not None
        return permit

    def call(self, *results: str) -> None:
        """Make calls one after the other that end so; `+1.5` lets time pass, `refused` is none."""
        for result in results:
            if result.startswith("+"):
                self.seconds += float(result)
            elif result == "refused":
                assert self.breaker.permit() is None
            else:
                end = {
                    "fails": self.breaker.failed,
                    "succeeds": self.breaker.succeeded,
                    "is cancelled": self.breaker.unused,
                }[result]
                end(self.permit())


@pytest.mark.parametrize(
    ("calls", "phase", "wait"),
    [
        ([], CLOSED, 0),
        (["fails", "fails"], CLOSED, 0),
        (["fails", "fails", "succeeds", "fails", "fails"], CLOSED, 0),
        (["fails", "is cancelled", "fails", "is cancelled"], CLOSED, 0),
        (["fails", "fails", "fails", "refused", "refused"], OPEN, 1),
        (["fails", "fails", "fails", "+0.75", "refused"], OPEN, 0.25),
        (["fails", "fails", "fails", "+1"], HALF_OPEN, 0),
        (["fails", "fails", "fails", "+1", "fails", "refused"], OPEN, 1),
        (["fails", "fails", "fails", "+1", "fails", "+1", "fails", "refused"], OPEN, 1),
        (["fails", "fails", "fails", "+1", "succeeds", "succeeds"], CLOSED, 0),
        (["fails", "fails", "fails", "+1", "succeeds", "fails", "fails"], CLOSED, 0),
        (["fails", "fails", "fails", "+1", "succeeds", "fails", "fails", "fails"], OPEN, 1),
        (["fails", "fails", "fails", "+1", "is cancelled", "succeeds"], CLOSED, 0),
    ],
    ids=[
        "at first it is closed",
        "a few failures do not open it",
        "a success between them makes the count begin anew",
        "a cancelled call is no failure and no success",
        "failures in a row open it",
        "it says how long it stays so",
        "after the pause a probe may be made",
        "a failed probe opens it for a pause",
        "and so does each further one",
        "a successful probe closes it for all calls at once",
        "failures from before the closing do not count",
        "it can open again",
        "a cancelled probe leaves its place to the next call",
    ],
)
def test_opens_and_closes(calls: list[str], phase: Phase, wait: float) -> None:
    bench = Bench()
    bench.call(*calls)
    assert bench.breaker.phase is phase
    assert bench.breaker.wait_seconds == pytest.approx(wait)


def open_for_a_pause(bench: Bench) -> None:
    bench.call("fails", "fails", "fails", "+1")


def test_one_probe_is_under_way_at_a_time() -> None:
    bench = Bench()
    open_for_a_pause(bench)
    probe = bench.permit()
    bench.call("refused", "refused")
    bench.breaker.succeeded(probe)
    bench.call("succeeds")


def test_a_probe_of_which_nothing_is_heard_gives_way_and_then_counts_no_more() -> None:
    bench = Bench()
    open_for_a_pause(bench)
    lost = bench.permit()
    bench.call("+2.9", "refused", "+0.2")
    bench.permit()
    bench.breaker.succeeded(lost)
    bench.breaker.failed(lost)
    bench.breaker.unused(lost)
    assert bench.breaker.phase is HALF_OPEN
    bench.call("refused")


def test_calls_from_before_it_opened_neither_close_nor_extend_it() -> None:
    bench = Bench()
    slow, slower = bench.permit(), bench.permit()
    bench.call("fails", "fails", "fails", "+0.5")
    bench.breaker.failed(slow)
    bench.breaker.succeeded(slower)
    assert bench.breaker.wait_seconds == pytest.approx(0.5)


def test_metrics_and_log_tell_each_opening_once_and_the_state_as_it_is_now() -> None:
    bench = Bench()

    def state() -> float | None:
        return bench.metrics.registry.get_sample_value(
            "service_breaker_state", {"service": "owner"}
        )

    assert state() == CLOSED
    with capture_logs() as lines:
        bench.call("fails", "fails", "fails")
        assert state() == OPEN
        bench.call("+1")
        assert state() == HALF_OPEN
        bench.call("fails", "+1", "succeeds")
    assert state() == CLOSED
    assert [line["event"] for line in lines] == [
        "service_breaker.opened",
        "service_breaker.closed",
    ]
    opens = bench.metrics.registry.get_sample_value(
        "service_breaker_opens_total", {"service": "owner"}
    )
    assert opens == 1

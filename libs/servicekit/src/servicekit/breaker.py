"""A circuit breaker as a pure state machine: what it holds, and what each answer makes of it.

Who runs it keeps the state: `local_breaker` for one process, `delivery.redis_breakers` for a group
of them, which then share a clock. Times are milliseconds of that clock.
"""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from math import floor


@dataclass(frozen=True)
class BreakerRules:
    """When a breaker opens and closes.

    Attributes:
        failures: So many failures in a row open it.
        open_seconds: Until the first probe, after it has opened and after each failed probe.
        successes: So many probes in a row must succeed before it closes.
        ramp_seconds: From one call at once, when it has closed, to all that a process may make.
    """

    failures: int = 5
    open_seconds: float = 60.0
    successes: int = 2
    ramp_seconds: float = 30.0


class Phase(IntEnum):
    """What a breaker does with a call; the number is what the metrics show."""

    CLOSED = 0
    """It may be made."""
    HALF_OPEN = 1
    """One may be made, as a probe."""
    OPEN = 2
    """None may be made."""


class Change(StrEnum):
    """What a step did, for whoever took it to tell."""

    NONE = ""
    OPENED = "opened"
    PROBE_FAILED = "probe_failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Permit:
    """What a call was made under; its result counts only while that still holds.

    Calls that were under way when the breaker opened tell nothing new when they fail, and nothing
    about a recovery when they succeed.

    Attributes:
        epoch: Of the state that allowed the call.
        probe: The token of the one probe; empty: an ordinary call.
    """

    epoch: int = 0
    probe: str = ""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What is remembered of who is called; nothing at all means closed.

    Attributes:
        epoch: Another one each time it opens or closes; greater than any before.
        failures: In a row, while closed.
        successes: Of probes in a row, while open.
        open_until: From then on probes may be made; 0: it is closed.
        probe: Token of the probe that was permitted; empty: none.
        probe_until: From then on another probe may be made although nothing was heard of that one.
        closed_at: Where the ramp begins; 0: it was never open.
    """

    epoch: int = 0
    failures: int = 0
    successes: int = 0
    open_until: int = 0
    probe: str = ""
    probe_until: int = 0
    closed_at: int = 0


def phase_of(state: BreakerState, now: int) -> Phase:
    """What the breaker does with a call now."""
    if not state.open_until:
        return Phase.CLOSED
    return Phase.HALF_OPEN if now >= state.open_until else Phase.OPEN


def may_probe(state: BreakerState, now: int) -> bool:
    """Whether it is half-open and nobody's probe is under way."""
    if phase_of(state, now) is not Phase.HALF_OPEN:
        return False
    return not state.probe or now >= state.probe_until


def share_of(state: BreakerState, now: int, full: int, rules: BreakerRules) -> int:
    """How many calls one process may have under way now: 0 to `full`."""
    if state.open_until:
        return 0
    since, ramp = now - state.closed_at, rules.ramp_seconds * 1000
    if since >= ramp or not state.closed_at:
        return full
    return 1 + floor((full - 1) * max(0, since) / ramp)


def wait_of(state: BreakerState, now: int) -> int:
    """Milliseconds until the first probe may be made; 0 when it may, and while closed."""
    return max(0, state.open_until - now)


def after_failure(
    state: BreakerState, permit: Permit, now: int, rules: BreakerRules
) -> tuple[BreakerState, Change]:
    """A call under `permit` has shown that who is called is in trouble, or was not answered."""
    open_until = now + round(rules.open_seconds * 1000)
    if permit.probe:
        if permit.probe != state.probe:
            return state, Change.NONE
        opened = BreakerState(epoch=_next(state.epoch, now), open_until=open_until)
        return opened, Change.PROBE_FAILED
    if state.open_until or permit.epoch != state.epoch:
        return state, Change.NONE
    if state.failures + 1 < rules.failures:
        return replace(state, failures=state.failures + 1), Change.NONE
    return BreakerState(epoch=_next(state.epoch, now), open_until=open_until), Change.OPENED


def after_success(
    state: BreakerState, permit: Permit, now: int, rules: BreakerRules
) -> tuple[BreakerState, Change]:
    """A call under `permit` was answered, be it with a refusal of what was asked for."""
    if permit.probe:
        if permit.probe != state.probe:
            return state, Change.NONE
        if state.successes + 1 < rules.successes:
            return replace(
                state, successes=state.successes + 1, probe="", probe_until=0
            ), Change.NONE
        return BreakerState(epoch=_next(state.epoch, now), closed_at=now), Change.CLOSED
    if state.open_until or permit.epoch != state.epoch:
        return state, Change.NONE
    return replace(state, failures=0), Change.NONE


def with_probe(state: BreakerState, token: str, now: int, lease: int) -> BreakerState:
    """The state after `token` asked for the probe: its `probe` says who has it.

    Args:
        state: The state before.
        token: Names the probe; with that of the probe itself its lease is renewed.
        now: The time.
        lease: Milliseconds after which another may have it although nothing was heard.
    """
    is_renewal = bool(state.open_until) and state.probe == token
    if is_renewal or may_probe(state, now):
        return replace(state, probe=token, probe_until=now + lease)
    return state


def without_probe(state: BreakerState, token: str) -> BreakerState:
    """The state after the probe `token` was given back unused; of another's, nothing happens."""
    return replace(state, probe="", probe_until=0) if token and state.probe == token else state


def _next(epoch: int, now: int) -> int:
    # By the clock, so that it is new even where the memory of earlier ones was lost.
    return max(now, epoch + 1)

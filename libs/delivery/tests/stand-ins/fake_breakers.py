"""Breakers in memory, on a clock that a test moves; `breakers_suite` holds them to Redis' ways."""

from collections.abc import Callable, Sequence

from delivery.breakers import BreakerReading, BreakersUnavailableError
from servicekit.breaker import (
    BreakerRules,
    BreakerState,
    Change,
    Permit,
    after_failure,
    after_success,
    with_probe,
    without_probe,
)

Taken = tuple[BreakerState, Change]


class BreakerStore:
    """What the processes of a channel share, and the time."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.states: dict[str, BreakerState] = {}
        self.is_away = False
        self.steps: list[str] = []

    def monotonic(self) -> float:
        """The clock of every process."""
        return self.seconds

    def pass_time(self, seconds: float) -> None:
        """Move the clock of the group and of its processes."""
        self.seconds += seconds

    def state(self, provider: str) -> BreakerState:
        """The state of a provider's breaker."""
        return self.states.get(provider, BreakerState())


class FakeBreakers:
    """Implements `delivery.breakers.Breakers` for one process."""

    def __init__(self, store: BreakerStore, rules: BreakerRules) -> None:
        self._store = store
        self._rules = rules

    @property
    def rules(self) -> BreakerRules:
        return self._rules

    async def read(self, providers: Sequence[str]) -> list[BreakerReading]:
        return [self._take("read", provider, lambda state, _: state) for provider in providers]

    async def failed(self, provider: str, permit: Permit) -> BreakerReading:
        return self._take(
            "failed", provider, lambda state, now: after_failure(state, permit, now, self._rules)
        )

    async def succeeded(self, provider: str, permit: Permit) -> BreakerReading:
        return self._take(
            "succeeded", provider, lambda state, now: after_success(state, permit, now, self._rules)
        )

    async def take_probe(self, provider: str, token: str, lease_seconds: float) -> BreakerReading:
        lease = round(lease_seconds * 1000)
        return self._take(
            "take_probe", provider, lambda state, now: with_probe(state, token, now, lease)
        )

    async def give_back_probe(self, provider: str, token: str) -> BreakerReading:
        return self._take("give_back_probe", provider, lambda state, _: without_probe(state, token))

    def _take(
        self,
        name: str,
        provider: str,
        step: Callable[[BreakerState, int], BreakerState | Taken],
    ) -> BreakerReading:
        if self._store.is_away:
            msg = "away"
            raise BreakersUnavailableError(msg)
        if name != "read":
            self._store.steps.append(name)
        at = round(self._store.seconds * 1_000_000)
        taken = step(self._store.state(provider), at // 1000)
        state, change = (taken, Change.NONE) if isinstance(taken, BreakerState) else taken
        self._store.states[provider] = state
        return BreakerReading(state, at, change)

"""The port behind which the processes of a channel share the breakers of its providers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from servicekit.breaker import BreakerRules, BreakerState, Change, Permit


@dataclass(frozen=True)
class BreakerReading:
    """A breaker's state at a moment.

    Attributes:
        state: As it was after the step that was asked for.
        at: The group's clock then, in microseconds: of two readings the greater is the later one.
        change: What that very step did.
    """

    state: BreakerState
    at: int
    change: Change = Change.NONE

    @property
    def now(self) -> int:
        """The group's clock in milliseconds, in which states count."""
        return self.at // 1000


class BreakersUnavailableError(Exception):
    """The shared breakers do not answer now."""


class Breakers(Protocol):
    """Where breakers are shared; each step is `servicekit.breaker`'s, taken atomically.

    Every method raises `BreakersUnavailableError` where it cannot be known what has happened.
    """

    @property
    def rules(self) -> BreakerRules:
        """When they open and close."""
        ...

    async def read(self, providers: Sequence[str]) -> list[BreakerReading]:
        """The breakers of `providers`, in that order."""
        ...

    async def failed(self, provider: str, permit: Permit) -> BreakerReading:
        """A call under `permit` was a failure of the provider."""
        ...

    async def succeeded(self, provider: str, permit: Permit) -> BreakerReading:
        """A call under `permit` was answered."""
        ...

    async def take_probe(self, provider: str, token: str, lease_seconds: float) -> BreakerReading:
        """Ask for the probe, or renew it: `token` has it if the state says so."""
        ...

    async def give_back_probe(self, provider: str, token: str) -> BreakerReading:
        """The probe was not made; if it is no longer ours, nothing happens."""
        ...

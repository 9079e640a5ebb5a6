"""One process's view of one provider's breaker, so that a call is permitted without asking Redis.

The view is what the group last told. While the group does not answer, the same rules go on with it
here, and are forgotten again when it answers: it knows more than one process can.
"""

import asyncio
from collections.abc import Awaitable, Callable

from delivery.breakers import BreakerReading, Breakers, BreakersUnavailableError
from delivery.metrics import DeliveryMetrics
from servicekit.breaker import (
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
from servicekit.logs import get_logger

_log = get_logger(__name__)


class BreakerView:
    """What this process knows of one provider's breaker, and tells the group of it.

    Args:
        provider: Its name.
        breakers: What the group shares.
        full: Calls that this process may have under way while the breaker is closed.
        monotonic: Seconds that never go back.
        changed: Called after each new state.
        metrics: Shows the state, counts the openings.
    """

    def __init__(
        self,
        provider: str,
        breakers: Breakers,
        *,
        full: int,
        monotonic: Callable[[], float],
        changed: Callable[[], None],
        metrics: DeliveryMetrics,
    ) -> None:
        self.provider = provider
        self._breakers = breakers
        self._full = full
        self._monotonic = monotonic
        self._changed = changed
        self._metrics = metrics
        self._state = BreakerState()
        self._permit = Permit()
        self._clock_ahead = 0.0  # seconds, of the group's clock before our own
        self._at = 0  # the reading's own time
        self._known_at = float("-inf")  # our time when it was known
        self._is_shared = True
        self._reports: set[asyncio.Task[None]] = set()
        self._telling_failure = asyncio.Lock()
        self._tells_success = False
        self.under_way = 0

    @property
    def phase(self) -> Phase:
        """What the breaker does with a call now."""
        return phase_of(self._state, self._now())

    @property
    def share(self) -> int:
        """How many ordinary calls this process may have under way now."""
        return share_of(self._state, self._now(), self._full, self._breakers.rules)

    @property
    def wait_seconds(self) -> float:
        """Until the first probe may be made; 0 when it may, and while closed."""
        return wait_of(self._state, self._now()) / 1000

    @property
    def may_probe(self) -> bool:
        """Whether asking for the probe is worth while."""
        return may_probe(self._state, self._now())

    def permit(self) -> Permit | None:
        """Leave for an ordinary call, if one may be made now; costs no I/O."""
        state = self._state
        if state.open_until or (state.closed_at and self.under_way >= self.share):
            return None
        return self._permit

    async def take_probe(self, token: str, lease_seconds: float) -> Permit | None:
        """The group's one probe, if we get it; with a token that has it, its lease is renewed."""
        state = await self._take(
            lambda: self._breakers.take_probe(self.provider, token, lease_seconds),
            lambda now: (
                with_probe(self._state, token, now, round(lease_seconds * 1000)),
                Change.NONE,
            ),
        )
        return Permit(state.epoch, token) if state.probe == token else None

    async def give_back_probe(self, token: str) -> None:
        """The probe was not made."""
        await self._take(
            lambda: self._breakers.give_back_probe(self.provider, token),
            lambda _: (without_probe(self._state, token), Change.NONE),
        )

    async def failed(self, permit: Permit) -> None:
        """The provider has failed a call; when this returns, the view knows what follows.

        One at a time: of all calls that fail when a provider goes down only so many are told as it
        takes to open the breaker, instead of each over a connection of its own.
        """
        async with self._telling_failure:
            if not permit.probe and permit.epoch != self._state.epoch:
                return  # it would not count
            await self._take(
                lambda: self._breakers.failed(self.provider, permit),
                lambda now: after_failure(self._state, permit, now, self._breakers.rules),
            )

    def succeeded(self, permit: Permit) -> None:
        """The provider has answered a call.

        Told in the background, so that no acceptance has to wait for it, and only where it changes
        something: after failures, once for all that succeed at the same time.
        """
        if not permit.probe:
            if not self._state.failures or self._tells_success:
                return
            self._tells_success = True
        report = asyncio.create_task(self._tell_success(permit))
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)

    def adopt(self, reading: BreakerReading, asked_at: float) -> None:
        """Take over what the group says, unless something later is known already.

        Args:
            reading: The answer.
            asked_at: When it was asked for, by our own clock. Asked after another answer was
                known it is the later one, even where the group's clock went back.
        """
        if not self._is_shared:
            self._is_shared = True
            _log.info("breaker.shared_again", provider=self.provider)
        elif asked_at < self._known_at and reading.at < self._at:
            return
        self._known_at = self._monotonic()
        self._at = reading.at
        self._clock_ahead = reading.at / 1e6 - self._known_at
        self._hold(reading.state, reading.change)

    def part(self, error: BreakersUnavailableError) -> None:
        """Go on alone: the group did not answer."""
        if self._is_shared:
            self._is_shared = False
            _log.warning("breaker.alone", provider=self.provider, error=str(error))

    async def finish(self) -> None:
        """Wait until what is being told is told, or cannot be."""
        if self._reports:
            await asyncio.wait(self._reports)

    async def _take(
        self,
        step: Callable[[], Awaitable[BreakerReading]],
        alone: Callable[[int], tuple[BreakerState, Change]],
    ) -> BreakerState:
        """Take a step with the group, or without it; returns what came of this very step."""
        if self._is_shared:
            asked_at = self._monotonic()
            try:
                reading = await step()
            except BreakersUnavailableError as error:
                self.part(error)
            else:
                self.adopt(reading, asked_at)
                return reading.state
        state, change = alone(self._now())
        self._hold(state, change)
        return state

    async def _tell_success(self, permit: Permit) -> None:
        try:
            await self._take(
                lambda: self._breakers.succeeded(self.provider, permit),
                lambda now: after_success(self._state, permit, now, self._breakers.rules),
            )
        finally:
            if not permit.probe:
                self._tells_success = False

    def _hold(self, state: BreakerState, change: Change) -> None:
        self._state = state
        if self._permit.epoch != state.epoch:
            self._permit = Permit(state.epoch)
        if change is not Change.NONE:
            self._tell(change)
        self._changed()

    def _tell(self, change: Change) -> None:
        """Once for the group: only the process whose step it was tells what it did."""
        if change is Change.CLOSED:
            _log.info("breaker.closed", provider=self.provider, shared=self._is_shared)
            return
        if change is Change.OPENED:
            self._metrics.breaker_opened(self.provider)
        _log.warning(
            "breaker.opened",
            provider=self.provider,
            after_probe=change is Change.PROBE_FAILED,
            open_seconds=self._breakers.rules.open_seconds,
            shared=self._is_shared,
        )

    def _now(self) -> int:
        return int((self._monotonic() + self._clock_ahead) * 1000)

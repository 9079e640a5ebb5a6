"""`Deliver` with fakes at all its ports, and the queue that its hops make up."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from crash_points import Crash, CrashPoints
from deliveries import DIGESTS
from fake_claims import ClaimStore, FakeClaims

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome, OutcomeKind
from delivery.breakers import BreakerReading, BreakersUnavailableError
from delivery.claims import Claim, Settlement
from delivery.deliver import Chances, Deliver
from delivery.errors import DeliveryError
from delivery.metrics import DeliveryMetrics
from delivery.provider import OutgoingDelivery, ProviderAcceptance
from delivery.provider_chain import ProviderChain
from servicekit.breaker import BreakerRules
from servicekit.metrics import Metrics

LEASE_SECONDS = 35.0

Step = Callable[[], Awaitable[object] | None]
"""What happens in the world while a provider works."""


@dataclass(frozen=True)
class Hop:
    """A message on its way round a retry tier."""

    message: DeliveryMessage
    tier: int


class FakeReports:
    """Implements `delivery.reports.Reports` with lists."""

    def __init__(self) -> None:
        self.outcomes: list[DeliveryOutcome] = []
        self.hops: list[Hop] = []
        self.dead_letters: list[tuple[DeliveryMessage, str, str]] = []
        self.points = CrashPoints()

    async def outcome(self, outcome: DeliveryOutcome) -> None:
        self.points.reach("before the outcome")
        self.outcomes.append(outcome)
        self.points.reach("after the outcome")

    async def hop(self, message: DeliveryMessage, tier: int) -> None:
        self.points.reach("before the hop")
        self.hops.append(Hop(message, tier))
        self.points.reach("after the hop")

    async def dead_letter(self, message: DeliveryMessage, reason: str, detail: str) -> None:
        self.points.reach("before the dead letter")
        self.dead_letters.append((message, reason, detail))
        self.points.reach("after the dead letter")

    @property
    def kinds(self) -> list[OutcomeKind]:
        return [outcome.kind for outcome in self.outcomes]

    @property
    def is_empty(self) -> bool:
        return not (self.outcomes or self.hops or self.dead_letters)


class FakeProvider:
    """Takes what it is handed, unless the next of `answers` is an error; acts by `meanwhile`."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.taken: list[OutgoingDelivery[str]] = []
        self.answers: list[BaseException] = []
        self.always: DeliveryError | None = None
        self.meanwhile: Step = lambda: None
        self.points = CrashPoints()
        self.calls = 0

    async def send(self, delivery: OutgoingDelivery[str]) -> ProviderAcceptance:
        self.calls += 1
        self.points.reach("before the send")
        if inspect.isawaitable(step := self.meanwhile()):
            await step
        if self.answers:
            raise self.answers.pop(0)
        if self.always is not None:
            raise self.always
        self.taken.append(delivery)
        self.points.reach("after the provider took it")
        return ProviderAcceptance(f"id-{len(self.taken)}", "250")

    async def close(self) -> None:
        pass


class LoneBreakers:
    """Implements `delivery.breakers.Breakers` for a process that cannot reach its group."""

    def __init__(self, rules: BreakerRules | None = None) -> None:
        self.rules = rules or BreakerRules(failures=1_000)

    async def read(self, _: Sequence[str]) -> list[BreakerReading]:
        self._fail()

    async def failed(self, *_: object) -> BreakerReading:
        self._fail()

    async def succeeded(self, *_: object) -> BreakerReading:
        self._fail()

    async def take_probe(self, *_: object) -> BreakerReading:
        self._fail()

    async def give_back_probe(self, *_: object) -> BreakerReading:
        self._fail()

    def _fail(self) -> NoReturn:
        msg = "alone"
        raise BreakersUnavailableError(msg)


class FakeRenderer:
    """Renders to one word, or fails with `error`."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.points = CrashPoints()

    async def render(self, message: DeliveryMessage) -> str:
        self.points.reach("before rendering")
        if self.error is not None:
            raise self.error
        return "content"


class PointedClaims(FakeClaims):
    """Fake claims between whose steps a worker can die."""

    points = CrashPoints()

    async def claim(self, message: DeliveryMessage) -> Claim:
        self.points.reach("before the claim")
        claim = await super().claim(message)
        self.points.reach("after the claim")
        return claim

    async def settle(self, message: DeliveryMessage, settlement: Settlement, token: str) -> bool:
        self.points.reach("before the settlement")
        settled = await super().settle(message, settlement, token)
        self.points.reach("after the settlement")
        return settled


class DeliverBench:
    """One store of claims, one provider, one broker; as many workers as asked for."""

    def __init__(self) -> None:
        self.store = ClaimStore()
        self.provider = FakeProvider()
        self.backup: FakeProvider | None = None
        self.hourly_limit = 0
        self.renderer = FakeRenderer()
        self.reports = FakeReports()
        self.jitter = 0.0

    def worker(
        self, *, attempt_seconds: float = 30.0, points: CrashPoints | None = None
    ) -> Deliver[str]:
        """A further worker process; from now on the ports pass `points`."""
        claims = PointedClaims(
            self.store, lease_seconds=LEASE_SECONDS, hourly_limit=self.hourly_limit
        )
        metrics = DeliveryMetrics(Metrics())
        points = points or CrashPoints()
        claims.points = self.provider.points = points
        self.renderer.points = self.reports.points = points
        return Deliver(
            claims=claims,
            renderer=self.renderer,
            providers=ProviderChain(
                [self.provider, *([self.backup] if self.backup else [])],
                LoneBreakers(),
                attempt_seconds=attempt_seconds,
                concurrency=16,
                metrics=metrics,
                monotonic=self.store.monotonic,
            ),
            reports=self.reports,
            digests=DIGESTS,
            chances=Chances(
                monotonic=self.store.monotonic,
                utc_now=lambda: self.store.now,
                jitter=lambda: self.jitter,
            ),
            metrics=metrics,
        )

    async def drain(self, deliver: Deliver[str], *, limit: int = 200) -> None:
        """Let every hop come back when its tier is over, until none is left."""
        while self.reports.hops:
            limit -= 1
            assert limit, "the hops never end"
            hop = self.reports.hops.pop(0)
            self.store.pass_time(hop.tier)
            await deliver(hop.message, repeated=True)


async def crash_in(deliver: Deliver[str], message: DeliveryMessage) -> bool:
    """Deliver, and say whether the worker died of it."""
    try:
        await deliver(message, repeated=False)
    except Crash:
        return True
    return False

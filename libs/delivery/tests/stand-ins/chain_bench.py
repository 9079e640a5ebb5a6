"""Providers that a test directs, and chains of several processes over one store of breakers."""

import asyncio
import itertools
from collections.abc import Callable
from itertools import count

import pytest
from deliveries import make_delivery
from fake_breakers import BreakerStore, FakeBreakers

from delivery.errors import TransientDeliveryError
from delivery.metrics import DeliveryMetrics
from delivery.provider import OutgoingDelivery, ProviderAcceptance
from delivery.provider_chain import NoProviderError, NotHandedOverError, ProviderChain
from servicekit.breaker import BreakerRules
from servicekit.metrics import Metrics

RULES = BreakerRules(failures=3, open_seconds=60, successes=2, ramp_seconds=30)
CONCURRENCY = 8

SELDOM: float = 3600
"""Seconds: what the group knows is looked at once, at the start."""


def refusal(reason: str = "unreachable") -> TransientDeliveryError:
    """A provider's refusal as a whole."""
    return TransientDeliveryError(reason, provider_failed=True)


def make_outgoing(recipient: str | None = None) -> OutgoingDelivery[str]:
    """A delivery to a destination of its own, if not to this recipient."""
    recipient = recipient or f"ada@{next(_numbers)}.example"
    return OutgoingDelivery(make_delivery(recipient=recipient), "content", 1)


_numbers = itertools.count()


class DirectedProvider:
    """Takes what it is handed, unless it is told to fail; can be made to wait."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.error: BaseException | None = None
        self.answers: list[BaseException] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls = 0
        self.under_way = 0
        self.most_under_way = 0
        self.closed = False

    async def send(self, delivery: OutgoingDelivery[str]) -> ProviderAcceptance:
        self.calls += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if self.answers:
            raise self.answers.pop(0)
        if self.error is not None:
            raise self.error
        return ProviderAcceptance(f"{self.name}-{self.calls}", "250")

    async def close(self) -> None:
        self.closed = True


class ChainBench:
    """One group: its breakers, its clock, its providers; as many processes as asked for."""

    def __init__(self, *names: str, rules: BreakerRules = RULES) -> None:
        self.store = BreakerStore()
        self.providers = [DirectedProvider(name) for name in names or ("first", "second")]
        self._rules = rules
        self._tokens = (f"token-{number}" for number in count())
        self.metrics: list[Metrics] = []

    def chain(
        self,
        *,
        attempt_seconds: float = 30.0,
        refresh_seconds: float = SELDOM,
        concurrency: int = CONCURRENCY,
    ) -> ProviderChain[str]:
        """The chain of a further process."""
        metrics = Metrics()
        self.metrics.append(metrics)
        return ProviderChain(
            self.providers,
            FakeBreakers(self.store, self._rules),
            attempt_seconds=attempt_seconds,
            concurrency=concurrency,
            metrics=DeliveryMetrics(metrics),
            monotonic=self.store.monotonic,
            token=lambda: next(self._tokens),
            refresh_seconds=refresh_seconds,
        )

    def sample(self, name: str, process: int = 0, **labels: str) -> float | None:
        """A figure of a process's metrics."""
        return self.metrics[process].registry.get_sample_value(name, labels)


async def failure_of(
    chain: ProviderChain[str], pinned: str | None = None, *, recipient: str | None = None
) -> NotHandedOverError:
    """How a send fails that must fail."""
    with pytest.raises(NotHandedOverError) as caught:
        await chain.send(make_outgoing(recipient), pinned=pinned)
    return caught.value


async def wait_of(chain: ProviderChain[str], pinned: str | None = None) -> float:
    """The wait that a send is told for which nobody can be asked."""
    with pytest.raises(NoProviderError) as caught:
        await chain.send(make_outgoing(), pinned=pinned)
    return caught.value.wait


async def until(is_so: Callable[[], bool]) -> None:
    """Let other tasks go on until something has come about."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - nothing announces what a test waits for
            await asyncio.sleep(0.001)

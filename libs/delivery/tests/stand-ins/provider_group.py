"""Workers in small: what a channel's processes do with a queue, over one outside world that fails.

Each process has its own chain and its own connections to Redis, takes as many messages as its
capacity says, and while that is nothing one message for each probe that it gets.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import pairwise

from deliveries import make_delivery

from delivery.errors import AmbiguousDeliveryError, TransientDeliveryError
from delivery.metrics import DeliveryMetrics
from delivery.provider import OutgoingDelivery, ProviderAcceptance
from delivery.provider_chain import NoProviderError, NotHandedOverError, ProviderChain
from delivery.redis_breakers import RedisBreakers
from servicekit.breaker import BreakerRules
from servicekit.metrics import Metrics


class OutsideProvider:
    """A server that all processes share: takes `seconds` ± 50 %, and can be down."""

    def __init__(self, name: str, *, seconds: float, seed: int) -> None:
        self.name = name
        self.is_down = False
        self.is_silent = False
        self.starts: list[float] = []
        self.crowds: list[int] = []  # how many were under way then
        self.taken: Counter[int] = Counter()
        self.took_at: list[float] = []
        self.under_way = 0
        self._seconds = seconds
        self._chance = random.Random(seed)

    async def send(self, delivery: OutgoingDelivery[int]) -> ProviderAcceptance:
        self.under_way += 1
        self.starts.append(time.monotonic())
        self.crowds.append(self.under_way)
        try:
            await asyncio.sleep(self._seconds * self._chance.uniform(0.5, 1.5))
            if self.is_down:
                if self.is_silent:
                    raise AmbiguousDeliveryError("connection_lost")
                raise TransientDeliveryError("unreachable", provider_failed=True)
        finally:
            self.under_way -= 1
        self.taken[delivery.content] += 1
        self.took_at.append(time.monotonic())
        return ProviderAcceptance(None)

    async def close(self) -> None:
        pass

    def starts_between(self, begin: float, end: float) -> list[float]:
        """When calls began in that time."""
        return [start for start in self.starts if begin <= start < end]

    def least_gap(self, begin: float, end: float) -> float:
        """The shortest time between two calls that began in that time."""
        starts = self.starts_between(begin, end)
        return min((later - earlier for earlier, later in pairwise(starts)), default=end - begin)


class Process:
    """One worker process: a queue it shares, a chain of its own."""

    def __init__(
        self,
        queue: deque[int],
        providers: list[OutsideProvider],
        breakers: RedisBreakers,
        concurrency: int,
    ) -> None:
        self.metrics = Metrics()
        self.chain: ProviderChain[int] = ProviderChain(
            providers,
            breakers,
            attempt_seconds=5,
            concurrency=concurrency,
            metrics=DeliveryMetrics(self.metrics),
        )
        self.attempts_burnt = 0
        self._queue = queue
        self._message = make_delivery()
        self._concurrency = concurrency
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.chain.on_change(self._changed.set)

    async def start(self) -> None:
        await self.chain.start()
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, *self._tasks, return_exceptions=True)
        await self.chain.stop()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            self._fill()
            if not self.chain.capacity() and self._queue and await self.chain.reserve_probe():
                await self._send(self._queue.popleft())
            try:
                async with asyncio.timeout(0.2):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _fill(self) -> None:
        while self._queue and len(self._tasks) < self.chain.capacity():
            task = asyncio.create_task(self._send(self._queue.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        task.result()
        self._fill()

    async def _send(self, number: int) -> None:
        try:
            message = self._message.model_copy(update={"recipient": f"ada@{number}.example"})
            await self.chain.send(OutgoingDelivery(message, number, 1))
        except NotHandedOverError as failure:
            self.attempts_burnt += not failure.was_probe
            self._queue.append(number)
        except NoProviderError:
            self._queue.append(number)


class Group:
    """Several processes over one queue."""

    def __init__(
        self,
        providers: list[OutsideProvider],
        breakers: Callable[[], RedisBreakers],
        *,
        messages: int,
        processes: int = 4,
        concurrency: int = 32,
    ) -> None:
        self.queue = deque(range(messages))
        self.providers = providers
        self.messages = messages
        self.processes = [
            Process(self.queue, providers, breakers(), concurrency) for _ in range(processes)
        ]

    @property
    def taken(self) -> Counter[int]:
        """How often each message was taken, by whom ever."""
        return sum((provider.taken for provider in self.providers), Counter[int]())

    def opens(self, provider: str) -> float:
        """How often the group's breaker of a provider was opened by failures."""
        labels = {"provider": provider}
        name = "delivery_breaker_opens_total"
        values = [it.metrics.registry.get_sample_value(name, labels) for it in self.processes]
        return sum(value or 0 for value in values)

    async def reach(self, messages: int, *, within: float) -> None:
        """Wait until so many messages were taken."""
        async with asyncio.timeout(within):
            while len(self.taken) < messages:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.01)

    async def drain(self) -> None:
        """Wait until every message was taken."""
        await self.reach(self.messages, within=30)


RULES = BreakerRules(failures=5, open_seconds=1.0, successes=2, ramp_seconds=1.0)

"""Four processes, a provider that goes down and comes back, and what they share in a real Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from provider_group import RULES, Group, OutsideProvider
from redis.asyncio import Redis

from contracts.notification import NotificationType
from delivery.provider_link import SILENT_DESTINATIONS
from delivery.redis_breakers import RedisBreakers
from servicekit.redis import create_redis

OUTAGE_SECONDS = 3.5
IN_FLIGHT = 4 * 32


@pytest.fixture
async def breakers(redis_url: str) -> AsyncIterator[Callable[[], RedisBreakers]]:
    """Makes the shared breakers of one more process."""
    clients: list[Redis] = []

    def make() -> RedisBreakers:
        clients.append(create_redis(redis_url, name="group", max_connections=32))
        return RedisBreakers(clients[-1], NotificationType.EMAIL, rules=RULES)

    yield make
    await asyncio.gather(*(client.aclose() for client in clients))


@asynccontextmanager
async def running(group: Group) -> AsyncIterator[None]:
    await asyncio.gather(*(process.start() for process in group.processes))
    try:
        yield
    finally:
        await asyncio.gather(*(process.stop() for process in group.processes))


def make_provider(name: str, *, seconds: float = 0.01, seed: int = 1) -> OutsideProvider:
    return OutsideProvider(f"{name}-{uuid4().hex}", seconds=seconds, seed=seed)


@pytest.mark.parametrize("is_silent", [False, True], ids=["refuses", "does not answer"])
async def test_a_provider_that_is_down_is_asked_five_times_and_then_once_in_each_open_time(
    breakers: Callable[[], RedisBreakers], is_silent: bool
) -> None:
    provider = make_provider("smtp")
    provider.is_silent = is_silent
    group = Group([provider], breakers, messages=5_000)
    async with running(group):
        await asyncio.sleep(0.15)
        went_down, asked_before = time.monotonic(), len(provider.starts) - provider.under_way
        provider.is_down = True
        await asyncio.sleep(0.5)
        # In each process silence counts from the third destination on.
        unheard = (SILENT_DESTINATIONS - 1) * len(group.processes) if is_silent else 0
        assert 5 <= len(provider.starts) - asked_before <= IN_FLIGHT + 5 + unheard
        assert all(process.chain.capacity() == 0 for process in group.processes)
        await asyncio.sleep(OUTAGE_SECONDS - 0.5)

        provider.is_down = False
        came_back, taken_before = time.monotonic(), len(group.taken)
        probes = provider.starts_between(went_down + 0.5, came_back)
        assert 2 <= len(probes) <= OUTAGE_SECONDS / RULES.open_seconds
        assert provider.least_gap(went_down + 0.5, came_back) >= RULES.open_seconds
        burnt = sum(process.attempts_burnt for process in group.processes)
        assert burnt <= IN_FLIGHT + 5 + unheard

        await group.drain()
    closed_at = provider.took_at[taken_before + 1]
    assert len(provider.starts_between(came_back, closed_at)) <= 2  # probes
    for start, crowd in zip(provider.starts, provider.crowds, strict=True):
        if closed_at <= start < closed_at + RULES.ramp_seconds:
            assert crowd <= 4 * (1 + 31 * (start - closed_at + 0.02) / RULES.ramp_seconds)
    assert set(group.taken.values()) == {1}
    assert group.opens(provider.name) == 1
    assert sum(process.attempts_burnt for process in group.processes) == burnt


async def test_a_backup_carries_while_the_preferred_one_is_down_and_gives_traffic_back(
    breakers: Callable[[], RedisBreakers],
) -> None:
    preferred = make_provider("smtp-a", seconds=0.05)
    backup = make_provider("smtp-b", seconds=0.05, seed=2)
    group = Group([preferred, backup], breakers, messages=30_000)
    async with running(group):
        await asyncio.sleep(0.2)
        assert not backup.starts
        went_down, preferred.is_down = time.monotonic(), True
        await asyncio.sleep(1.5)
        assert backup.took_at[0] - went_down < 0.5
        assert len(preferred.starts_between(went_down, went_down + 0.8)) <= IN_FLIGHT + 5

        preferred.is_down = False
        came_back = time.monotonic()
        await asyncio.sleep(RULES.open_seconds + RULES.ramp_seconds + 1.5)
        settled = time.monotonic()
        await asyncio.sleep(0.3)
        assert group.queue, "the queue ended before the traffic had returned"
        assert not backup.starts_between(settled, time.monotonic())
        assert preferred.starts_between(settled, time.monotonic())
        group.queue.clear()
    assert set(group.taken.values()) == {1}
    assert all(process.attempts_burnt == 0 for process in group.processes)
    assert group.opens(preferred.name) == 1
    assert group.opens(backup.name) == 0
    assert any(at > came_back for at in preferred.took_at)


async def test_without_redis_each_process_opens_its_own_and_all_recover() -> None:
    provider = make_provider("smtp")
    away = create_redis("redis://127.0.0.1:1/0", name="away")
    group = Group(
        [provider],
        lambda: RedisBreakers(away, NotificationType.EMAIL, rules=RULES),
        messages=3_000,
    )
    async with running(group):
        await asyncio.sleep(0.15)
        went_down, provider.is_down = time.monotonic(), True
        await asyncio.sleep(2.5)
        assert len(provider.starts_between(went_down, went_down + 0.5)) <= IN_FLIGHT + 4 * 5
        assert len(provider.starts_between(went_down + 0.5, time.monotonic())) <= 4 * 2
        provider.is_down = False
        await group.drain()
    await away.aclose()
    assert set(group.taken.values()) == {1}


async def test_a_redis_that_lost_its_memory_does_not_stop_the_recovery(
    breakers: Callable[[], RedisBreakers], redis: "Redis"
) -> None:
    provider = make_provider("smtp")
    group = Group([provider], breakers, messages=2_000)
    async with running(group):
        await asyncio.sleep(0.1)
        provider.is_down = True
        await asyncio.sleep(0.4)
        await redis.delete(f"breaker:email:{provider.name}")
        await asyncio.sleep(1)
        assert group.opens(provider.name) == 2
        provider.is_down = False
        await group.drain()
    assert set(group.taken.values()) == {1}

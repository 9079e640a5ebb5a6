"""What the processes of a channel know of each other's providers, and what each does alone."""

import asyncio

import pytest
from chain_bench import (
    ChainBench,
    DirectedProvider,
    failure_of,
    make_outgoing,
    refusal,
    until,
)


@pytest.fixture
def bench() -> ChainBench:
    return ChainBench()


@pytest.fixture
def first(bench: ChainBench) -> DirectedProvider:
    return bench.providers[0]


@pytest.fixture
def second(bench: ChainBench) -> DirectedProvider:
    return bench.providers[1]


class TestGroup:
    async def test_of_many_that_fail_at_once_only_so_many_are_told_as_open_the_breaker(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        chain = bench.chain()
        first.error = refusal()
        first.gate.clear()
        tasks = [asyncio.create_task(chain.send(make_outgoing())) for _ in range(8)]
        await until(lambda: first.under_way == 8)
        first.gate.set()
        await asyncio.gather(*tasks)
        assert bench.store.steps == ["failed"] * 3

    async def test_what_is_still_untold_is_told_before_the_end(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        chain = bench.chain()
        first.answers = [refusal()]
        await chain.send(make_outgoing())
        await chain.send(make_outgoing())
        await chain.stop()
        assert bench.store.steps == ["failed", "succeeded"]

    async def test_a_new_process_asks_nobody_whose_breaker_is_open(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        chain, later = bench.chain(), bench.chain()
        first.error = refusal()
        for _ in range(3):
            await chain.send(make_outgoing())
        await later.start()
        await later.send(make_outgoing())
        assert first.calls == 3
        await later.stop()

    async def test_a_process_learns_of_the_others_in_the_background(
        self, bench: ChainBench, first: DirectedProvider, second: DirectedProvider
    ) -> None:
        chain, other = bench.chain(), bench.chain(refresh_seconds=0.001)
        await other.start()
        seen = []
        other.on_change(lambda: seen.append(other.capacity()))
        first.error = second.error = refusal()
        for _ in range(3):
            await failure_of(chain)
        await until(lambda: seen == [0])
        bench.store.pass_time(60)
        await until(lambda: seen == [0, 0])  # a probe can be asked for
        assert bench.sample("delivery_breaker_state", 1, provider="first") == 1
        await other.stop()

    async def test_without_the_group_each_process_goes_on_by_the_same_rules(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        chain, other = bench.chain(refresh_seconds=0.001), bench.chain()
        await chain.start()
        bench.store.is_away = True
        first.error = refusal()
        for _ in range(5):
            await chain.send(make_outgoing())
        assert first.calls == 3
        assert (await other.send(make_outgoing())).provider == "second"
        assert first.calls == 4
        bench.store.pass_time(60)
        first.error = None
        for _ in range(2):
            assert (await chain.send(make_outgoing())).provider == "first"
            await asyncio.sleep(0)
        assert bench.sample("delivery_breaker_state", provider="first") == 0
        await chain.stop()

    async def test_goes_back_to_what_the_group_knows_when_it_answers_again(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        chain = bench.chain(refresh_seconds=0.001)
        await chain.start()
        bench.store.is_away = True
        first.error = refusal()
        for _ in range(3):
            await chain.send(make_outgoing())
        assert bench.sample("delivery_breaker_state", provider="first") == 2
        bench.store.is_away = False
        await until(lambda: bench.sample("delivery_breaker_state", provider="first") == 0)
        first.error = None
        assert (await chain.send(make_outgoing())).provider == "first"
        await chain.stop()

    async def test_what_the_group_has_forgotten_is_closed(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        chain = bench.chain(refresh_seconds=0.001)
        await chain.start()
        first.error = refusal()
        for _ in range(3):
            await chain.send(make_outgoing())
        bench.store.states.clear()
        await until(lambda: bench.sample("delivery_breaker_state", provider="first") == 0)
        for _ in range(3):
            await chain.send(make_outgoing())
        assert bench.sample("delivery_breaker_state", provider="first") == 2
        await chain.stop()

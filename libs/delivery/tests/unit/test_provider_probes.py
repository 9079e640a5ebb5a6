"""How a channel finds out that a provider has recovered, and goes back to it."""

import asyncio

import pytest
from chain_bench import (
    ChainBench,
    DirectedProvider,
    failure_of,
    make_outgoing,
    refusal,
    until,
    wait_of,
)

from delivery.errors import InvalidRecipientError
from delivery.handover import Handover, NoProviderError
from delivery.provider_chain import ProviderChain


@pytest.fixture
def bench() -> ChainBench:
    return ChainBench()


@pytest.fixture
def first(bench: ChainBench) -> DirectedProvider:
    return bench.providers[0]


@pytest.fixture
def second(bench: ChainBench) -> DirectedProvider:
    return bench.providers[1]


class TestAllOpen:
    @pytest.fixture
    async def chain(self, bench: ChainBench) -> ProviderChain[str]:
        chain = bench.chain()
        for provider in bench.providers:
            provider.error = refusal()
        for _ in range(3):
            await failure_of(chain)
        for provider in bench.providers:
            provider.calls = 0
        return chain

    async def test_nothing_can_be_taken_and_nobody_is_asked(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        assert chain.capacity() == 0
        assert await wait_of(chain) == pytest.approx(60)
        assert not await chain.reserve_probe()
        assert first.calls == 0

    async def test_a_reserved_probe_is_used_by_the_next_send(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        assert await chain.reserve_probe()
        assert await chain.reserve_probe()  # still
        assert chain.capacity() == 0
        first.error = None
        assert (await chain.send(make_outgoing())).provider == "first"
        await until(lambda: bench.store.state("first").successes == 1)

    async def test_one_process_of_the_group_reserves_it(
        self, bench: ChainBench, chain: ProviderChain[str]
    ) -> None:
        bench.store.pass_time(60)
        others = [bench.chain() for _ in range(3)]
        for other in others:
            await other.start()
        granted = [await other.reserve_probe() for other in (chain, *others)]
        assert granted == [True, True, False, False]  # one for each provider
        await asyncio.gather(*(other.stop() for other in others))

    async def test_a_failed_probe_says_that_it_was_one_and_leaves_it_open_for_the_full_time(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        failure = await failure_of(chain)  # probes both, one after the other
        assert failure.was_probe
        assert failure.provider == "second"
        assert first.calls == 1
        assert await wait_of(chain) == pytest.approx(60)
        assert bench.sample("delivery_breaker_opens_total", provider="first") == 1

    async def test_only_one_of_many_that_have_messages_in_hand_probes(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        first.gate.clear()
        first.error = None
        sends = [asyncio.create_task(chain.send(make_outgoing(), pinned="first")) for _ in "abcde"]
        await until(lambda: first.under_way == 1)
        await until(lambda: sum(task.done() for task in sends) == 4)
        first.gate.set()
        ends = await asyncio.gather(*sends, return_exceptions=True)
        assert sorted(type(end) is NoProviderError for end in ends) == [False] + [True] * 4
        assert first.calls == 1

    async def test_a_probe_that_was_given_back_can_be_reserved_by_another(
        self, bench: ChainBench, chain: ProviderChain[str]
    ) -> None:
        bench.store.pass_time(60)
        other = bench.chain()
        await other.start()
        assert await chain.reserve_probe()
        await chain.give_back_probe()
        assert bench.store.state("first").probe == ""
        assert await other.reserve_probe()
        assert bench.store.state("first").probe
        await other.stop()
        assert bench.store.state("first").probe == ""

    async def test_a_reserved_probe_lapses_when_no_message_comes(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        other = bench.chain()
        await other.start()
        assert await chain.reserve_probe()
        bench.store.pass_time(11)
        assert await other.reserve_probe()
        assert bench.store.state("first").probe == "token-1"
        await other.stop()

    async def test_a_process_knows_that_its_reserved_probe_has_lapsed(
        self, bench: ChainBench, chain: ProviderChain[str]
    ) -> None:
        bench.store.pass_time(60)
        other = bench.chain()
        await other.start()
        assert await chain.reserve_probe()
        bench.store.pass_time(11)
        assert await other.reserve_probe()  # the first provider's
        assert await chain.reserve_probe()
        assert bench.store.state("second").probe == "token-3"
        await chain.give_back_probe()
        assert bench.store.state("first").probe == "token-1"
        await other.stop()

    async def test_a_probe_of_a_process_that_died_counts_like_a_failed_one(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        first.gate.clear()
        probe = asyncio.create_task(chain.send(make_outgoing()))
        await until(lambda: first.under_way == 1)
        probe.cancel()
        await asyncio.wait([probe])
        other = bench.chain()
        await other.start()
        bench.store.pass_time(59)
        assert await wait_of(other, pinned="first") == pytest.approx(1)
        bench.store.pass_time(1)
        assert await other.reserve_probe()
        await other.stop()

    async def test_none_is_reserved_while_another_provider_takes_messages(
        self, bench: ChainBench, second: DirectedProvider
    ) -> None:
        chain = bench.chain()
        bench.providers[0].error = refusal()
        for _ in range(3):
            await chain.send(make_outgoing())
        bench.store.pass_time(60)
        assert not await chain.reserve_probe()
        assert bench.store.state("first").probe == ""

    async def test_a_lapsed_probe_that_another_has_is_not_made(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        other = bench.chain()
        await other.start()
        assert await chain.reserve_probe()
        bench.store.pass_time(11)
        assert await other.reserve_probe()
        assert await wait_of(chain, pinned="first") == pytest.approx(1)
        assert first.calls == 0
        await other.stop()

    async def test_a_probe_that_never_reached_the_provider_is_given_back(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        first.error = InvalidRecipientError("malformed_address")
        assert (await failure_of(chain)).provider == "first"
        assert bench.store.state("first").successes == 0
        first.error = None
        assert (await chain.send(make_outgoing())).provider == "first"

    async def test_a_refusal_of_its_recipient_is_the_success_of_a_probe(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        first.error = InvalidRecipientError("no_such_user", reply_code="550 5.1.1")
        assert (await failure_of(chain)).was_probe
        await until(lambda: bench.store.state("first").successes == 1)

    async def test_a_defect_uses_a_probe_up(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        first.error = KeyError("defect")
        with pytest.raises(KeyError):
            await chain.send(make_outgoing())
        assert await wait_of(chain, pinned="first") == pytest.approx(60)

    async def test_after_two_successful_probes_traffic_ramps_up(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(60)
        for provider in bench.providers:
            provider.error = None
        changes = []
        chain.on_change(lambda: changes.append(chain.capacity()))
        for successes in (1, 2):
            assert await chain.reserve_probe()
            await chain.send(make_outgoing())
            await until(lambda: not bench.store.state("first").probe)
            assert bench.store.state("first").successes == successes % 2
        assert chain.capacity() == 1
        assert changes[-1] == 1
        assert bench.sample("delivery_breaker_state", provider="first") == 0
        bench.store.pass_time(15)
        assert chain.capacity() == 4
        bench.store.pass_time(15)
        assert chain.capacity() == 8


class TestRamp:
    @pytest.fixture
    async def chain(self, bench: ChainBench, first: DirectedProvider) -> ProviderChain[str]:
        """The first provider has just recovered."""
        chain = bench.chain()
        first.error = refusal()
        for _ in range(3):
            await chain.send(make_outgoing())
        bench.store.pass_time(60)
        first.error = None
        for _ in range(2):
            assert (await chain.send(make_outgoing())).provider == "first"
            await until(lambda: not bench.store.state("first").probe)
        assert not bench.store.state("first").open_until
        return chain

    async def test_what_exceeds_the_share_goes_to_the_next_provider(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        bench.store.pass_time(15)
        first.gate.clear()
        tasks = [asyncio.create_task(chain.send(make_outgoing())) for _ in range(8)]
        await until(lambda: sum(task.done() for task in tasks) == 4)
        assert first.under_way == 4
        first.gate.set()
        providers = [(await task).provider for task in tasks]
        assert providers.count("first") == 4
        assert chain.capacity() == 8

    async def test_what_is_pinned_to_it_waits_its_turn(
        self, bench: ChainBench, chain: ProviderChain[str], first: DirectedProvider
    ) -> None:
        first.gate.clear()
        task: asyncio.Task[Handover] = asyncio.create_task(chain.send(make_outgoing()))
        await until(lambda: first.under_way == 1)
        assert await wait_of(chain, pinned="first") == pytest.approx(1)
        first.gate.set()
        await task

"""Who of a channel's providers is asked, and what comes of it."""

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

from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.provider_link import SILENT_DESTINATIONS


@pytest.fixture
def bench() -> ChainBench:
    return ChainBench()


@pytest.fixture
def first(bench: ChainBench) -> DirectedProvider:
    return bench.providers[0]


@pytest.fixture
def second(bench: ChainBench) -> DirectedProvider:
    return bench.providers[1]


async def test_the_preferred_provider_is_asked_and_no_other(
    bench: ChainBench, second: DirectedProvider
) -> None:
    handover = await bench.chain().send(make_outgoing())
    assert (handover.provider, handover.acceptance.provider_message_id) == ("first", "first-1")
    assert handover.refusals == ()
    assert second.calls == 0


async def test_a_refusal_of_the_provider_as_a_whole_hands_over_to_the_next(
    bench: ChainBench, first: DirectedProvider
) -> None:
    first.error = refusal("login_refused")
    handover = await bench.chain().send(make_outgoing())
    assert handover.provider == "second"
    assert [(it.provider, it.error) for it in handover.refusals] == [("first", first.error)]
    passed_on = bench.sample("delivery_failovers_total", refused_by="first", passed_to="second")
    assert passed_on == 1


@pytest.mark.parametrize(
    "error",
    [
        TransientDeliveryError("greylisted", reply_code="450"),
        PermanentDeliveryError("content_refused"),
        InvalidRecipientError("no_such_user"),
        AmbiguousDeliveryError("connection_lost"),
    ],
)
async def test_what_is_not_a_certain_refusal_as_a_whole_is_never_handed_over(
    bench: ChainBench, first: DirectedProvider, second: DirectedProvider, error: DeliveryError
) -> None:
    first.error = error
    failure = await failure_of(bench.chain())
    assert (failure.provider, failure.error, failure.refusals) == ("first", error, ())
    assert not failure.was_probe
    assert second.calls == 0


async def test_when_all_refuse_the_last_one_decides(
    bench: ChainBench, first: DirectedProvider, second: DirectedProvider
) -> None:
    first.error, second.error = refusal("one"), refusal("two")
    failure = await failure_of(bench.chain())
    assert (failure.provider, failure.error) == ("second", second.error)
    assert [it.provider for it in failure.refusals] == ["first"]


async def test_a_backup_decides_about_the_recipient(
    bench: ChainBench, first: DirectedProvider, second: DirectedProvider
) -> None:
    first.error, second.error = refusal(), InvalidRecipientError("no_such_user")
    failure = await failure_of(bench.chain())
    assert (failure.provider, failure.error) == ("second", second.error)
    assert [it.provider for it in failure.refusals] == ["first"]


async def test_failures_in_a_row_open_the_breaker_and_the_next_provider_carries_on(
    bench: ChainBench, first: DirectedProvider, second: DirectedProvider
) -> None:
    chain = bench.chain()
    first.error = refusal()
    handovers = [await chain.send(make_outgoing()) for _ in range(10)]
    assert {handover.provider for handover in handovers} == {"second"}
    assert (first.calls, second.calls) == (3, 10)
    assert bench.sample("delivery_breaker_state", provider="first") == 2
    assert bench.sample("delivery_breaker_opens_total", provider="first") == 1
    assert chain.capacity() == 8


async def test_no_answer_is_a_failure_of_the_provider(
    bench: ChainBench, first: DirectedProvider
) -> None:
    chain = bench.chain()
    first.error = AmbiguousDeliveryError("connection_lost")
    for _ in range(SILENT_DESTINATIONS - 1 + 3):
        await failure_of(chain)
    first.error = None
    assert (await chain.send(make_outgoing())).provider == "second"


@pytest.mark.parametrize(
    "silence",
    [
        AmbiguousDeliveryError("timed_out"),
        TransientDeliveryError("timed_out", fell_silent=True),
    ],
)
async def test_a_destination_that_swallows_whatever_is_sent_there_opens_nothing(
    bench: ChainBench, first: DirectedProvider, second: DirectedProvider, silence: DeliveryError
) -> None:
    chain = bench.chain()
    first.error = silence
    for number in range(20):
        await failure_of(chain, recipient=f"{number}@tarpit.example")
    first.error = None
    assert (await chain.send(make_outgoing())).provider == "first"
    assert second.calls == 0


async def test_destinations_that_are_silent_while_others_are_served_open_nothing(
    bench: ChainBench, first: DirectedProvider
) -> None:
    chain = bench.chain()
    silence = TransientDeliveryError("timed_out", fell_silent=True)
    for _ in range(10):
        first.answers = [silence, silence]
        await failure_of(chain)
        await failure_of(chain)
        assert (await chain.send(make_outgoing())).provider == "first"


async def test_a_domain_that_greylists_opens_nothing(
    bench: ChainBench, first: DirectedProvider
) -> None:
    chain = bench.chain()
    first.error = TransientDeliveryError("greylisted", reply_code="450")
    for _ in range(20):
        await failure_of(chain)
    assert chain.capacity() == 8
    assert bench.store.steps == []


async def test_an_answer_about_a_recipient_ends_a_row_of_failures(
    bench: ChainBench, first: DirectedProvider
) -> None:
    chain = bench.chain()
    for _ in range(4):
        first.answers = [refusal(), refusal()]
        await chain.send(make_outgoing())
        await chain.send(make_outgoing())
        first.answers = [InvalidRecipientError("no_such_user", reply_code="550 5.1.1")]
        await failure_of(chain)
        await until(lambda: bench.store.state("first").failures == 0)
    assert bench.sample("delivery_breaker_state", provider="first") == 0


async def test_what_we_found_out_ourselves_does_not_end_a_row_of_failures(
    bench: ChainBench, first: DirectedProvider
) -> None:
    """A provider that hangs holds all connections; that none is free does not speak for it."""
    chain = bench.chain()
    hang = AmbiguousDeliveryError("connection_lost")
    none_free = TransientDeliveryError("no_free_connection")
    first.answers = [*[hang, none_free] * (SILENT_DESTINATIONS - 1 + 2), hang]
    for _ in first.answers.copy():
        await failure_of(chain)
    await chain.stop()
    assert bench.sample("delivery_breaker_state", provider="first") == 2


async def test_successes_cost_the_group_nothing(bench: ChainBench) -> None:
    chain = bench.chain()
    await asyncio.gather(*(chain.send(make_outgoing()) for _ in range(50)))
    assert bench.store.steps == []


async def test_many_successes_after_a_failure_are_told_once(
    bench: ChainBench, first: DirectedProvider
) -> None:
    chain = bench.chain()
    first.answers = [refusal()]
    await chain.send(make_outgoing())
    await asyncio.gather(*(chain.send(make_outgoing()) for _ in range(8)))
    await chain.stop()
    assert bench.store.steps == ["failed", "succeeded"]


class TestPinned:
    async def test_only_the_pinned_provider_is_asked(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        assert (await bench.chain().send(make_outgoing(), pinned="second")).provider == "second"
        assert first.calls == 0

    async def test_its_refusal_is_not_handed_over(
        self, bench: ChainBench, first: DirectedProvider, second: DirectedProvider
    ) -> None:
        first.error = refusal()
        failure = await failure_of(bench.chain(), pinned="first")
        assert (failure.provider, failure.error) == ("first", first.error)
        assert second.calls == 0

    async def test_while_it_is_open_nobody_is_asked(
        self, bench: ChainBench, first: DirectedProvider, second: DirectedProvider
    ) -> None:
        chain = bench.chain()
        first.error = refusal()
        for _ in range(3):
            await failure_of(chain, pinned="first")
        bench.store.pass_time(20)
        assert await wait_of(chain, pinned="first") == pytest.approx(40)
        assert (first.calls, second.calls) == (3, 0)

    async def test_one_that_is_no_longer_configured_pins_nothing(self, bench: ChainBench) -> None:
        assert (await bench.chain().send(make_outgoing(), pinned="gone")).provider == "first"


class TestDeadline:
    async def test_a_provider_that_hangs_leaves_it_open_whether_it_took_the_message(
        self, bench: ChainBench, first: DirectedProvider, second: DirectedProvider
    ) -> None:
        first.gate.clear()
        failure = await failure_of(bench.chain(attempt_seconds=0.05))
        assert isinstance(failure.error, AmbiguousDeliveryError)
        assert failure.error.reason == "deadline_exceeded"
        assert failure.provider == "first"
        assert second.calls == 0

    async def test_is_one_for_all_providers_of_an_attempt(
        self, bench: ChainBench, first: DirectedProvider, second: DirectedProvider
    ) -> None:
        first.error = refusal()
        first.gate.clear()
        second.gate.clear()
        loop = asyncio.get_running_loop()
        loop.call_later(0.3, first.gate.set)
        started = loop.time()
        failure = await failure_of(bench.chain(attempt_seconds=1))
        assert 0.95 < loop.time() - started < 1.25
        assert (failure.provider, failure.error.reason) == ("second", "deadline_exceeded")
        assert [it.provider for it in failure.refusals] == ["first"]

    async def test_nobody_is_asked_who_would_hardly_have_time_to_answer(
        self, bench: ChainBench, first: DirectedProvider, second: DirectedProvider
    ) -> None:
        first.error = refusal()
        first.gate.clear()
        asyncio.get_running_loop().call_later(0.83, first.gate.set)
        failure = await failure_of(bench.chain(attempt_seconds=1))
        assert (failure.provider, failure.error) == ("first", first.error)
        assert second.calls == 0

    async def test_a_call_that_its_client_broke_off_is_ambiguous(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        first.error = asyncio.CancelledError()
        failure = await failure_of(bench.chain())
        assert isinstance(failure.error, AmbiguousDeliveryError)
        assert failure.error.reason == "cancelled"

    async def test_being_cancelled_itself_is_passed_on_and_frees_its_place(
        self, bench: ChainBench, first: DirectedProvider
    ) -> None:
        first.gate.clear()
        task = asyncio.create_task(bench.chain().send(make_outgoing()))
        await until(lambda: first.under_way == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.store.steps == []


async def test_a_defect_of_an_adapter_is_not_taken_for_a_failure_of_the_provider(
    bench: ChainBench, first: DirectedProvider
) -> None:
    chain = bench.chain()
    first.error = KeyError("defect")
    for _ in range(5):
        with pytest.raises(KeyError):
            await chain.send(make_outgoing())
    assert bench.store.steps == []


@pytest.mark.parametrize("names", [(), ("smtp", "smtp")])
def test_rejects_a_chain_without_providers_or_with_two_of_one_name(names: tuple[str, ...]) -> None:
    bench = ChainBench("any")
    bench.providers = [DirectedProvider(name) for name in names]
    with pytest.raises(ValueError, match=r"name of its own, not: (none|smtp, smtp)$"):
        bench.chain()


async def test_closes_all_providers(bench: ChainBench) -> None:
    await bench.chain().close()
    assert [provider.closed for provider in bench.providers] == [True, True]

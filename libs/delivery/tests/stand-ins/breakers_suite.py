"""What shared breakers promise: run against Redis and against the fake, so it cannot lie."""

import asyncio
from abc import ABC, abstractmethod

from delivery.breakers import BreakerReading, Breakers
from servicekit.breaker import BreakerRules, BreakerState, Change, Permit, Phase, phase_of, share_of

RULES = BreakerRules(failures=3, open_seconds=60, successes=2, ramp_seconds=30)
LEASE_SECONDS = 40.0


class BreakersBench(ABC):
    """Breakers of several processes over one memory, in which tests can let time pass."""

    provider: str

    @abstractmethod
    def breakers(self) -> Breakers:
        """The breakers of one process."""

    @abstractmethod
    async def pass_time(self, seconds: float) -> None:
        """Let what is held of `provider` grow older."""

    async def fail(self, times: int, permit: Permit | None = None) -> BreakerReading:
        """Report failures, each from another process."""
        for _ in range(times):
            reading = await self.breakers().failed(self.provider, permit or await self.ordinary())
        return reading

    async def reading(self) -> BreakerReading:
        (reading,) = await self.breakers().read([self.provider])
        return reading

    async def ordinary(self) -> Permit:
        """Leave for an ordinary call."""
        return Permit((await self.reading()).state.epoch)

    async def probe(self, token: str) -> Permit | None:
        """Leave for the probe, if this token gets it."""
        reading = await self.breakers().take_probe(self.provider, token, LEASE_SECONDS)
        return Permit(reading.state.epoch, token) if reading.state.probe == token else None

    async def half_open(self) -> None:
        await self.fail(RULES.failures)
        await self.pass_time(RULES.open_seconds)


def phase(reading: BreakerReading) -> Phase:
    return phase_of(reading.state, reading.now)


class BreakersSuite:
    """Inherited by a test class per implementation, which has a fixture `bench`."""

    async def test_what_nobody_reported_of_is_closed(self, bench: BreakersBench) -> None:
        assert (await bench.reading()).state == BreakerState()

    async def test_reads_several_in_the_order_asked_for(self, bench: BreakersBench) -> None:
        await bench.fail(1)
        names = [f"{bench.provider}-x", bench.provider, f"{bench.provider}-y"]
        readings = await bench.breakers().read(names)
        assert [reading.state.failures for reading in readings] == [0, 1, 0]

    async def test_failures_of_all_processes_in_a_row_open_it(self, bench: BreakersBench) -> None:
        readings = [await bench.fail(1) for _ in range(3)]
        assert [reading.change for reading in readings] == [
            Change.NONE,
            Change.NONE,
            Change.OPENED,
        ]
        assert [phase(reading) for reading in readings] == [
            Phase.CLOSED,
            Phase.CLOSED,
            Phase.OPEN,
        ]
        opened = await bench.reading()
        assert opened.change is Change.NONE
        assert 59_000 <= opened.state.open_until - opened.now <= 60_000

    async def test_a_success_between_begins_the_count_anew(self, bench: BreakersBench) -> None:
        await bench.fail(2)
        await bench.breakers().succeeded(bench.provider, await bench.ordinary())
        assert (await bench.reading()).state.failures == 0
        assert phase(await bench.fail(2)) is Phase.CLOSED
        assert phase(await bench.fail(1)) is Phase.OPEN

    async def test_many_failures_at_once_open_it_once(self, bench: BreakersBench) -> None:
        permit = await bench.ordinary()
        readings = await asyncio.gather(
            *(bench.breakers().failed(bench.provider, permit) for _ in range(50))
        )
        assert [reading.change for reading in readings].count(Change.OPENED) == 1
        assert len({reading.state.open_until for reading in readings} - {0}) == 1

    async def test_what_was_under_way_when_it_opened_changes_nothing(
        self, bench: BreakersBench
    ) -> None:
        before = await bench.ordinary()
        opened = await bench.fail(3)
        await bench.pass_time(RULES.open_seconds / 2)
        aged = (await bench.reading()).state
        assert (await bench.fail(1, before)).state == aged
        answered = await bench.breakers().succeeded(bench.provider, before)
        assert answered.state == aged
        assert aged.epoch == opened.state.epoch

    async def test_one_of_many_gets_the_probe_when_the_open_time_is_over(
        self, bench: BreakersBench
    ) -> None:
        await bench.fail(3)
        assert await bench.probe("early") is None
        await bench.pass_time(RULES.open_seconds)
        permits = await asyncio.gather(*(bench.probe(f"token-{n}") for n in range(20)))
        assert len([permit for permit in permits if permit]) == 1

    async def test_a_probe_asked_for_again_by_a_resend_is_granted_again(
        self, bench: BreakersBench
    ) -> None:
        await bench.half_open()
        assert await bench.probe("mine") == await bench.probe("mine") is not None

    async def test_a_closed_breaker_has_no_probe(self, bench: BreakersBench) -> None:
        assert await bench.probe("mine") is None
        assert (await bench.reading()).state == BreakerState()

    async def test_a_failed_probe_opens_it_for_the_full_time(self, bench: BreakersBench) -> None:
        await bench.half_open()
        permit = await bench.probe("a")
        assert permit is not None
        reading = await bench.breakers().failed(bench.provider, permit)
        assert reading.change is Change.PROBE_FAILED
        assert reading.state.open_until == reading.now + 60_000
        assert await bench.probe("b") is None

    async def test_a_failed_probe_that_is_told_twice_by_a_resend_counts_once(
        self, bench: BreakersBench
    ) -> None:
        await bench.half_open()
        permit = await bench.probe("a")
        assert permit is not None
        first = await bench.breakers().failed(bench.provider, permit)
        await bench.pass_time(5)
        second = await bench.breakers().failed(bench.provider, permit)
        assert second.change is Change.NONE
        assert second.state.epoch == first.state.epoch

    async def test_probes_follow_each_other_until_enough_have_succeeded(
        self, bench: BreakersBench
    ) -> None:
        await bench.half_open()
        changes = []
        for token in "ab":
            permit = await bench.probe(token)
            assert permit is not None
            assert await bench.probe("other") is None
            reading = await bench.breakers().succeeded(bench.provider, permit)
            changes.append(reading.change)
        assert changes == [Change.NONE, Change.CLOSED]
        assert phase(reading) is Phase.CLOSED
        assert share_of(reading.state, reading.now, 32, RULES) == 1
        await bench.pass_time(15)
        half = await bench.reading()
        assert 16 <= share_of(half.state, half.now, 32, RULES) <= 18
        await bench.pass_time(15)
        full = await bench.reading()
        assert share_of(full.state, full.now, 32, RULES) == 32

    async def test_one_success_of_a_probe_told_twice_by_a_resend_does_not_close_it(
        self, bench: BreakersBench
    ) -> None:
        await bench.half_open()
        permit = await bench.probe("a")
        assert permit is not None
        for _ in range(2):
            reading = await bench.breakers().succeeded(bench.provider, permit)
        assert reading.state.successes == 1
        assert phase(reading) is Phase.HALF_OPEN

    async def test_a_probe_of_which_nothing_is_heard_goes_to_another(
        self, bench: BreakersBench
    ) -> None:
        await bench.half_open()
        silent = await bench.probe("silent")
        assert silent is not None
        await bench.pass_time(LEASE_SECONDS - 5)
        assert await bench.probe("other") is None
        await bench.pass_time(5)
        assert await bench.probe("other") is not None
        late = await bench.breakers().failed(bench.provider, silent)
        assert late.change is Change.NONE
        assert phase(late) is Phase.HALF_OPEN

    async def test_whoever_has_the_probe_can_renew_it(self, bench: BreakersBench) -> None:
        await bench.half_open()
        for _ in range(3):
            assert await bench.probe("mine") is not None
            await bench.pass_time(LEASE_SECONDS - 5)
        assert await bench.probe("other") is None

    async def test_a_probe_given_back_goes_to_the_next_at_once(self, bench: BreakersBench) -> None:
        await bench.half_open()
        await bench.probe("a")
        await bench.breakers().give_back_probe(bench.provider, "b")
        assert await bench.probe("b") is None
        await bench.breakers().give_back_probe(bench.provider, "a")
        assert await bench.probe("b") is not None

    async def test_failures_of_calls_begun_before_it_closed_are_not_counted(
        self, bench: BreakersBench
    ) -> None:
        before = await bench.ordinary()
        await bench.half_open()
        for token in "ab":
            permit = await bench.probe(token)
            assert permit is not None
            await bench.breakers().succeeded(bench.provider, permit)
        assert (await bench.fail(5, before)).state.failures == 0
        assert phase(await bench.fail(3)) is Phase.OPEN

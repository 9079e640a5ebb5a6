"""The fake breakers keep the promises of the real ones."""

import pytest
from breakers_suite import RULES, BreakersBench, BreakersSuite
from fake_breakers import BreakerStore, FakeBreakers

from delivery.breakers import Breakers


class FakeBench(BreakersBench):
    provider = "smtp"

    def __init__(self) -> None:
        self._store = BreakerStore()

    def breakers(self) -> Breakers:
        return FakeBreakers(self._store, RULES)

    async def pass_time(self, seconds: float) -> None:
        self._store.pass_time(seconds)


class TestFakeBreakers(BreakersSuite):
    @pytest.fixture
    def bench(self) -> BreakersBench:
        return FakeBench()

"""The fake claims keep the promises of the real ones."""

from collections.abc import Callable

import pytest
from claims_suite import ClaimsBench, ClaimsSuite
from fake_claims import ClaimStore, FakeClaims

from contracts.delivery_message import DeliveryMessage
from delivery.claims import Claims
from delivery.redis_claims import new_token


class FakeBench(ClaimsBench):
    lease_seconds = 35.0

    def __init__(self) -> None:
        self._store = ClaimStore()

    def claims(self, token: Callable[[], str] = new_token, *, hourly_limit: int = 0) -> Claims:
        return FakeClaims(
            self._store, lease_seconds=self.lease_seconds, hourly_limit=hourly_limit, token=token
        )

    async def suppress(self, message: DeliveryMessage, reason: str) -> None:
        self._store.suppressed[message.recipient] = reason

    async def lapse(self, message: DeliveryMessage) -> None:
        self._store.pass_time(self.lease_seconds * 1.2)


class TestFakeClaims(ClaimsSuite):
    @pytest.fixture
    def bench(self) -> ClaimsBench:
        return FakeBench()

"""The fake claims keep the promises of the real ones."""

import pytest
from claims_suite import ClaimsBench, ClaimsSuite
from fake_claims import ClaimStore, FakeClaims

from delivery.claims import Claims


class FakeBench(ClaimsBench):
    lease_seconds = 35.0

    def __init__(self) -> None:
        self._store = ClaimStore()

    def owned_by(self, owner: str) -> Claims:
        return FakeClaims(self._store, owner=owner, lease_seconds=self.lease_seconds)

    async def pass_time(self, seconds: float) -> None:
        self._store.pass_time(seconds)


class TestFakeClaims(ClaimsSuite):
    @pytest.fixture
    def bench(self) -> ClaimsBench:
        return FakeBench()

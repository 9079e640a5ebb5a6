"""How all `Reservations` behave; inherited by the tests of the fake and of Redis."""

import asyncio
from datetime import UTC, datetime

import pytest
from samples import acceptance_of, notification, unused_key

from api_gateway.domain.notification import Acceptance
from api_gateway.usecases.ports import Answered, InFlight, Reservations, Reserved, StoredRequest
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus


class ReservationsSuite:
    @pytest.fixture
    def reservations(self) -> Reservations:
        raise NotImplementedError

    async def test_the_first_gets_the_key_and_others_wait(self, reservations: Reservations) -> None:
        key = unused_key()
        assert isinstance(await reservations.reserve(key), Reserved)
        assert isinstance(await reservations.reserve(key), InFlight)

    async def test_of_many_at_once_one_gets_the_key(self, reservations: Reservations) -> None:
        key = unused_key()
        states = await asyncio.gather(*(reservations.reserve(key) for _ in range(30)))
        assert sum(isinstance(state, Reserved) for state in states) == 1
        assert sum(isinstance(state, InFlight) for state in states) == 29

    async def test_a_released_key_can_be_reserved_again(self, reservations: Reservations) -> None:
        key = unused_key()
        reserved = await reservations.reserve(key)
        assert isinstance(reserved, Reserved)
        await reservations.release(key, reserved)
        again = await reservations.reserve(key)
        assert isinstance(again, Reserved)
        assert again.token != reserved.token

    async def test_only_the_holder_can_release(self, reservations: Reservations) -> None:
        key = unused_key()
        held = await reservations.reserve(key)
        assert isinstance(held, Reserved)
        await reservations.release(key, Reserved("lease:somebody-else"))
        assert isinstance(await reservations.reserve(key), InFlight)

    @pytest.mark.parametrize("error", [None, ErrorCode.NOTIFICATION_PREFERENCE_DISABLED])
    async def test_an_answer_is_given_back_as_it_was(
        self, reservations: Reservations, error: ErrorCode | None
    ) -> None:
        key, one = unused_key(), notification(status=NotificationStatus.SUPPRESSED)
        acceptance = Acceptance(one.id, one.status, datetime.now(UTC), error)
        reserved = await reservations.reserve(key)
        assert isinstance(reserved, Reserved)
        await reservations.answered(key, StoredRequest("f" * 64, acceptance))
        assert await reservations.reserve(key) == Answered(StoredRequest("f" * 64, acceptance))

    async def test_a_late_release_does_not_undo_an_answer(self, reservations: Reservations) -> None:
        key, one = unused_key(), notification(created_at=datetime.now(UTC))
        stored = StoredRequest("f" * 64, acceptance_of(one))
        reserved = await reservations.reserve(key)
        assert isinstance(reserved, Reserved)
        await reservations.answered(key, stored)
        await reservations.release(key, reserved)
        assert await reservations.reserve(key) == Answered(stored)

"""How all `Reservations` behave; inherited by the tests of the fake and of Redis."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from samples import acceptance_of, notification, unused, unused_key

from api_gateway.domain.notification import Acceptance
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import (
    Answered,
    InFlight,
    Keyless,
    KeyState,
    Reservations,
    Reserved,
    StoredRequest,
    Wanted,
)
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus


async def reserve(reservations: Reservations, key: IdempotencyKey | None) -> KeyState:
    return (await reservations.look_up(wanted(key=key))).key


def wanted(caller: str | None = None, key: IdempotencyKey | None = None, **changes: Any) -> Wanted:
    return Wanted(caller or unused("application:"), key, uuid4(), unused("welcome"), **changes)


class ReservationsSuite:
    @pytest.fixture
    def reservations(self) -> Reservations:
        raise NotImplementedError

    async def test_the_first_gets_the_key_and_others_wait(self, reservations: Reservations) -> None:
        key = unused_key()
        assert isinstance(await reserve(reservations, key), Reserved)
        assert isinstance(await reserve(reservations, key), InFlight)

    async def test_of_many_at_once_one_gets_the_key(self, reservations: Reservations) -> None:
        key = unused_key()
        states = await asyncio.gather(*(reserve(reservations, key) for _ in range(30)))
        assert sum(isinstance(state, Reserved) for state in states) == 1
        assert sum(isinstance(state, InFlight) for state in states) == 29

    async def test_a_released_key_can_be_reserved_again(self, reservations: Reservations) -> None:
        key = unused_key()
        reserved = await reserve(reservations, key)
        assert isinstance(reserved, Reserved)
        await reservations.release(key, reserved)
        again = await reserve(reservations, key)
        assert isinstance(again, Reserved)
        assert again.token != reserved.token

    async def test_only_the_holder_can_release(self, reservations: Reservations) -> None:
        key = unused_key()
        held = await reserve(reservations, key)
        assert isinstance(held, Reserved)
        await reservations.release(key, Reserved("lease:somebody-else"))
        assert isinstance(await reserve(reservations, key), InFlight)

    @pytest.mark.parametrize("error", [None, ErrorCode.NOTIFICATION_PREFERENCE_DISABLED])
    async def test_an_answer_is_given_back_as_it_was(
        self, reservations: Reservations, error: ErrorCode | None
    ) -> None:
        key, one = unused_key(), notification(status=NotificationStatus.SUPPRESSED)
        acceptance = Acceptance(one.id, one.status, datetime.now(UTC), error)
        reserved = await reserve(reservations, key)
        assert isinstance(reserved, Reserved)
        await reservations.answered(key, StoredRequest("f" * 64, acceptance))
        assert await reserve(reservations, key) == Answered(StoredRequest("f" * 64, acceptance))

    async def test_a_late_release_does_not_undo_an_answer(self, reservations: Reservations) -> None:
        key, one = unused_key(), notification(created_at=datetime.now(UTC))
        stored = StoredRequest("f" * 64, acceptance_of(one))
        reserved = await reserve(reservations, key)
        assert isinstance(reserved, Reserved)
        await reservations.answered(key, stored)
        await reservations.release(key, reserved)
        assert await reserve(reservations, key) == Answered(stored)

    async def test_without_a_key_nothing_is_reserved(self, reservations: Reservations) -> None:
        for _ in range(2):
            looked = await reservations.look_up(wanted())
            assert (looked.key, looked.rate) == (Keyless(), None)

    async def test_a_caller_has_their_rate_at_once_and_no_more(
        self, reservations: Reservations
    ) -> None:
        caller = unused("application:")
        states = []
        for _ in range(7):
            looked = await reservations.look_up(
                wanted(caller, unused_key(caller), rate_per_minute=5)
            )
            assert looked.rate is not None
            states.append((looked.rate.limit, looked.rate.remaining, looked.rate.retry_after > 0))
        assert states == [(5, left, False) for left in (4, 3, 2, 1, 0)] + [(5, 0, True)] * 2

    async def test_a_request_over_the_rate_reserves_nothing(
        self, reservations: Reservations
    ) -> None:
        caller = unused("application:")
        key = unused_key(caller)
        await reservations.look_up(wanted(caller, rate_per_minute=1))
        over = await reservations.look_up(wanted(caller, key, rate_per_minute=1))
        assert over.rate is not None
        assert 0 < over.rate.retry_after <= 60
        assert isinstance(await reserve(reservations, key), Reserved)

    async def test_callers_do_not_share_a_rate(self, reservations: Reservations) -> None:
        for _ in range(3):
            looked = await reservations.look_up(wanted(rate_per_minute=1))
            assert looked.rate is not None
            assert looked.rate.retry_after == 0

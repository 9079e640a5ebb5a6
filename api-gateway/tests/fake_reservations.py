"""Reservations in memory; `ReservationsSuite` shows that they behave as those in Redis do."""

import itertools

from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import (
    Answered,
    InFlight,
    KeyState,
    Reserved,
    StoredRequest,
    Undecided,
)


class FakeReservations:
    """`is_away`: nothing can be said or remembered, as without Redis."""

    def __init__(self) -> None:
        self.is_away = False
        self._held: dict[IdempotencyKey, KeyState] = {}
        self._tokens = itertools.count(1)

    def forget_everything(self) -> None:
        self._held.clear()

    async def reserve(self, key: IdempotencyKey) -> KeyState:
        if self.is_away:
            return Undecided()
        held = self._held.get(key)
        if held is None:
            reserved = Reserved(f"token-{next(self._tokens)}")
            self._held[key] = reserved
            return reserved
        return held if isinstance(held, Answered) else InFlight()

    async def answered(self, key: IdempotencyKey, stored: StoredRequest) -> None:
        if not self.is_away:
            self._held[key] = Answered(stored)

    async def release(self, key: IdempotencyKey, reserved: Reserved) -> None:
        if self._held.get(key) == reserved:
            del self._held[key]

"""Reservations in memory; `ReservationsSuite` shows that they behave as those in Redis do."""

import itertools
from collections import Counter

from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import (
    Answered,
    CachedTemplate,
    CachedUser,
    InFlight,
    Keyless,
    KeyState,
    Looked,
    RateState,
    Reserved,
    StoredRequest,
    Undecided,
    Wanted,
)


class FakeReservations:
    """`is_away`: nothing can be said or remembered, as without Redis. Time stands still.

    `user` and `template` are the copies that any request finds cached.
    """

    def __init__(self) -> None:
        self.is_away = False
        self.user: CachedUser | None = None
        self.template: CachedTemplate | None = None
        self._used: Counter[str] = Counter()
        self._held: dict[IdempotencyKey, KeyState] = {}
        self._tokens = itertools.count(1)

    def forget_everything(self) -> None:
        self._held.clear()

    async def look_up(self, wanted: Wanted) -> Looked:
        if self.is_away:
            return Looked(Undecided() if wanted.key else Keyless())
        rate = self._count(wanted)
        if rate is not None and rate.retry_after:
            return Looked(Keyless(), rate=rate)
        return Looked(self._reserve(wanted.key), self.user, self.template, rate)

    def _count(self, wanted: Wanted) -> RateState | None:
        limit = wanted.rate_per_minute
        if limit is None:
            return None
        used = self._used[wanted.caller]
        self._used[wanted.caller] = min(limit, used + 1)
        left = max(0, limit - used - 1)
        wait = 60 / limit if used >= limit else 0.0
        return RateState(limit, left, wait, (limit - left) * 60 / limit)

    def _reserve(self, key: IdempotencyKey | None) -> KeyState:
        if key is None:
            return Keyless()
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

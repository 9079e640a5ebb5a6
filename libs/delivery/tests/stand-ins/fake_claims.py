"""Claims in memory, on a clock that a test moves; `claims_suite` holds them to what Redis does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from deliveries import START

from contracts.delivery_message import DeliveryMessage
from delivery.claims import Claim, ClaimsUnavailableError, Settlement, Verdict
from delivery.policy import SOON
from delivery.redis_claims import CLAIMS_BEFORE_POISON


@dataclass
class Held:
    """What is known of one delivery."""

    generation: int
    attempt: int
    state: str
    owner: str
    lease: datetime
    claims: int
    settlement: Settlement | None = None

    @property
    def position(self) -> tuple[int, int]:
        return self.generation, self.attempt


class ClaimStore:
    """What all owners share: the clock, the claims, and whether they can be reached."""

    def __init__(self) -> None:
        self.now = START
        self.held: dict[UUID, Held] = {}
        self.is_away = False

    def monotonic(self) -> float:
        return self.now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def reach(self) -> None:
        if self.is_away:
            msg = "away"
            raise ClaimsUnavailableError(msg)


class FakeClaims:
    """Implements `delivery.claims.Claims` for one owner."""

    def __init__(self, store: ClaimStore, *, owner: str, lease_seconds: float) -> None:
        self._store = store
        self._owner = owner
        self._lease = timedelta(seconds=lease_seconds)

    async def claim(self, message: DeliveryMessage) -> Claim:
        self._store.reach()
        now = self._store.now
        if message.not_before is not None and message.not_before - SOON > now:
            return Claim(Verdict.EARLY, now)
        asked = message.generation, message.retry_count
        verdict, claims = Verdict.CLAIMED, 0
        if (held := self._store.held.get(message.delivery_id)) is not None:
            same_generation = message.generation == held.generation
            if same_generation and asked <= held.position and held.state == "settled":
                return Claim(Verdict.SETTLED, now, held.settlement)
            if asked < held.position:
                return Claim(Verdict.SUPERSEDED, now)
            if asked == held.position:
                claims = held.claims
                if held.state == "sending":
                    if held.lease > now:
                        return Claim(Verdict.BUSY, now)
                    is_poison = claims >= CLAIMS_BEFORE_POISON
                    verdict = Verdict.POISON if is_poison else Verdict.LAPSED
        self._store.held[message.delivery_id] = Held(
            *asked, "sending", self._owner, now + self._lease, claims + 1
        )
        return Claim(verdict, now)

    async def settle(self, message: DeliveryMessage, settlement: Settlement) -> bool:
        self._store.reach()
        asked = message.generation, message.retry_count
        if (held := self._store.held.get(message.delivery_id)) is not None:
            theirs = held.state == "sending" and held.owner != self._owner
            over = held.state == "settled" or theirs
            if held.position > asked or (held.position == asked and over):
                return False
        self._store.held[message.delivery_id] = Held(
            *asked, "settled", self._owner, self._store.now, 1, settlement
        )
        return True

    async def release(self, delivery_id: UUID) -> None:
        self._store.reach()
        held = self._store.held.get(delivery_id)
        if held is not None and held.state == "sending" and held.owner == self._owner:
            held.state, held.claims = "waiting", held.claims - 1

"""Claims in memory, on a clock that a test moves; `claims_suite` holds them to what Redis does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from deliveries import START

from contracts.delivery_message import DeliveryMessage
from contracts.notification import REQUIRED_CATEGORIES
from contracts.suppression import SuppressionReason, blocks
from delivery.claims import (
    Claim,
    ClaimsUnavailableError,
    Settlement,
    UnansweredClaimError,
    Verdict,
)
from delivery.policy import SOON
from delivery.redis_claims import CLAIMS_BEFORE_POISON, LIMIT_WINDOW_SECONDS, new_token


@dataclass
class Held:
    """What is known of one delivery."""

    generation: int
    attempt: int
    state: str
    token: str
    lease: datetime
    claims: int
    verdict: Verdict = Verdict.CLAIMED
    settlement: Settlement | None = None

    @property
    def position(self) -> tuple[int, int]:
        return self.generation, self.attempt


class ClaimStore:
    """What all processes share: the clock, the claims, and whether they can be reached."""

    def __init__(self) -> None:
        self.now = START
        self.held: dict[UUID, Held] = {}
        self.suppressed: dict[str, str] = {}
        """Why nothing is sent to some recipients."""
        self.turns: dict[str, dict[UUID, datetime]] = {}
        self.is_away = False
        self.lost_replies = 0
        """So many further claims are made and not answered."""

    def monotonic(self) -> float:
        return self.now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def reach(self) -> None:
        if self.is_away:
            msg = "away"
            raise ClaimsUnavailableError(msg)


class FakeClaims:
    """Implements `delivery.claims.Claims` for one process."""

    def __init__(
        self,
        store: ClaimStore,
        *,
        lease_seconds: float,
        hourly_limit: int = 0,
        token: Callable[[], str] = new_token,
    ) -> None:
        self._store = store
        self._hourly_limit = hourly_limit
        self._lease = timedelta(seconds=lease_seconds)
        self._token = token

    async def claim(self, message: DeliveryMessage) -> Claim:
        token = self._token()
        try:
            self._store.reach()
        except ClaimsUnavailableError as error:
            raise UnansweredClaimError(str(error), token) from error
        claim = self._make(message, token)
        if self._store.lost_replies:
            self._store.lost_replies -= 1
            raise UnansweredClaimError("no answer", token)
        return claim

    def _make(self, message: DeliveryMessage, token: str) -> Claim:
        now = self._store.now
        is_expired = message.expires_at is not None and message.expires_at <= now
        is_early = message.not_before is not None and message.not_before - SOON > now
        if is_early and not is_expired:
            return Claim(Verdict.EARLY, now, token)
        asked = message.generation, message.retry_count
        verdict, claims = Verdict.CLAIMED, 0
        if (held := self._store.held.get(message.delivery_id)) is not None:
            same_generation = message.generation == held.generation
            if same_generation and asked <= held.position and held.state == "settled":
                return Claim(Verdict.SETTLED, now, token, held.settlement)
            if asked < held.position:
                return Claim(Verdict.SUPERSEDED, now, token)
            if same_generation and held.settlement is not None and held.settlement.is_final:
                return Claim(Verdict.SETTLED, now, token, held.settlement)
            is_later = same_generation and asked > held.position
            if is_later and held.state == "sending" and held.lease > now:
                return Claim(Verdict.BUSY, now, token)
            if asked == held.position:
                claims = held.claims
                if held.state == "sending":
                    if held.token == token:
                        return Claim(held.verdict, now, token)
                    if held.lease > now:
                        return Claim(Verdict.BUSY, now, token)
                if held.state == "sending" or held.verdict is not Verdict.CLAIMED:
                    is_poison = claims >= CLAIMS_BEFORE_POISON
                    verdict = Verdict.POISON if is_poison else Verdict.LAPSED
        is_expired = message.expires_at is not None and message.expires_at <= now
        if verdict is Verdict.CLAIMED and not is_expired:
            reason = self._store.suppressed.get(message.recipient)
            if reason and blocks(SuppressionReason(reason), message.category):
                return Claim(Verdict.SUPPRESSED, now, token, suppressed_for=reason)
            turn = self._turn_of(message)
            if turn - SOON > now:
                return Claim(Verdict.LIMITED, now, token, retry_at=turn)
        self._store.held[message.delivery_id] = Held(
            *asked, "sending", token, now + self._lease, claims + 1, verdict
        )
        return Claim(verdict, now, token)

    def _turn_of(self, message: DeliveryMessage) -> datetime:
        now = self._store.now
        limit = self._hourly_limit
        if not limit or message.retry_count or message.category in REQUIRED_CATEGORIES:
            return now
        window = timedelta(seconds=LIMIT_WINDOW_SECONDS)
        turns = self._store.turns.setdefault(message.recipient, {})
        if message.delivery_id not in turns:
            taken = sorted(turn for turn in turns.values() if turn > now - window)
            turn = now if len(taken) < limit else max(now, taken[-limit] + window)
            if message.expires_at is not None and message.expires_at <= turn:
                return turn
            turns[message.delivery_id] = turn
        return turns[message.delivery_id]

    async def settle(self, message: DeliveryMessage, settlement: Settlement, token: str) -> bool:
        self._store.reach()
        asked = message.generation, message.retry_count
        if (held := self._store.held.get(message.delivery_id)) is not None:
            is_open = held.state == "waiting" or held.token == token
            if held.position > asked or (held.position == asked and not is_open):
                return False
        self._store.held[message.delivery_id] = Held(
            *asked, "settled", token, self._store.now, 1, settlement=settlement
        )
        return True

    async def release(self, delivery_id: UUID, token: str) -> None:
        self._store.reach()
        held = self._store.held.get(delivery_id)
        if held is not None and held.state == "sending" and held.token == token:
            held.state, held.claims = "waiting", held.claims - 1

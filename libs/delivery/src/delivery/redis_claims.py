"""Claims in Redis: one key per delivery, each step one script, on Redis' own clock.

Every step may reach Redis twice: over a connection that turned out to be closed it is sent again,
and the first copy may have been run. The token of a claim makes the second run answer as the first.
"""

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from contracts.cache_keys import suppression_key
from contracts.delivery_message import DeliveryMessage
from contracts.notification import REQUIRED_CATEGORIES
from contracts.suppression import SuppressionReason, blocks
from delivery.claim_scripts import CLAIM, RELEASE, SETTLE
from delivery.claims import (
    Claim,
    ClaimsUnavailableError,
    Settlement,
    UnansweredClaimError,
    Verdict,
)
from delivery.policy import SOON
from delivery.recipients import RecipientDigests
from servicekit.redis import RedisUnavailableError
from servicekit.redis_scripts import RedisScripts

KEPT_SECONDS: Final = 7 * 24 * 3600
"""For claims that are open: as long as a message may plausibly stay in a queue."""

FINAL_KEPT_SECONDS: Final = 3 * 24 * 3600
"""For deliveries that have ended, nearly all there are: a later copy would be sent again.

Such a one takes some 410 bytes (MEMORY USAGE, Redis 7.0), so a GiB holds the claims of 870,000
deliveries a day. As a hash it took 790, and 1,250 with all of its outcome.
"""

CLAIMS_BEFORE_POISON: Final = 5
"""The first among many, the others alone (`deliver.Deliver`): so many deaths of a worker in the
middle of one delivery are no accident any more."""

LIMIT_WINDOW_SECONDS: Final = 3600

_NEVER_MS: Final = 2**53
"""Later than any clock, and exact as a number of Lua's."""


def claim_key(delivery_id: UUID) -> str:
    """The key that holds a delivery's claim."""
    return f"claim:{delivery_id}"


def new_token() -> str:
    """A token that no other claim has."""
    return secrets.token_urlsafe(9)


def limit_key(digest: str) -> str:
    """The key that holds when deliveries to an address took, or will take, their turns."""
    return f"turns:{digest[:32]}"


class RedisClaims:
    """Implements `delivery.claims.Claims`.

    Args:
        redis: Must decode responses.
        digests: Names recipients in keys.
        lease_seconds: After so long without a settlement others may take over; must exceed the
            deadline of an attempt, or a slow send would be repeated.
        hourly_limit: Deliveries to one address within an hour; 0: no limit.
        token: Makes the token of a claim.
    """

    def __init__(
        self,
        redis: "Redis",
        *,
        digests: RecipientDigests,
        lease_seconds: float,
        hourly_limit: int = 0,
        token: Callable[[], str] = new_token,
    ) -> None:
        self._redis = redis
        self._digests = digests
        self._hourly_limit = hourly_limit
        self._lease_ms = int(lease_seconds * 1000)
        self._token = token
        self._scripts = RedisScripts(redis)

    async def claim(self, message: DeliveryMessage) -> Claim:
        """Claim this attempt of this delivery."""
        token = self._token()
        digest = self._digests.of(message)
        try:
            answer, now_ms, extra = await self._scripts.run(
                CLAIM,
                keys=[claim_key(message.delivery_id), suppression_key(digest), limit_key(digest)],
                arguments=[
                    message.generation,
                    message.retry_count,
                    token,
                    self._lease_ms,
                    KEPT_SECONDS,
                    CLAIMS_BEFORE_POISON,
                    _milliseconds(message.not_before and message.not_before - SOON, 0),
                    _milliseconds(message.expires_at, _NEVER_MS),
                    self._limit_for(message),
                    message.delivery_id.hex,
                    LIMIT_WINDOW_SECONDS * 1000,
                    int(SOON.total_seconds() * 1000),
                    _harmless_reasons(message.category),
                ],
            )
        except RedisUnavailableError as error:
            raise UnansweredClaimError(str(error), token) from error
        verdict, now = Verdict(answer), _time(now_ms)
        match verdict:
            case Verdict.SETTLED:
                return Claim(verdict, now, token, settlement=_read(extra, message))
            case Verdict.LIMITED:
                return Claim(verdict, now, token, retry_at=_time(extra))
            case Verdict.SUPPRESSED:
                return Claim(verdict, now, token, suppressed_for=extra)
            case _:
                return Claim(verdict, now, token)

    async def settle(self, message: DeliveryMessage, settlement: Settlement, token: str) -> bool:
        """Record how our attempt ended; False: somebody else has it, or has ended it."""
        try:
            settled = await self._scripts.run(
                SETTLE,
                keys=[claim_key(message.delivery_id)],
                arguments=[
                    message.generation,
                    message.retry_count,
                    token,
                    _write(settlement),
                    FINAL_KEPT_SECONDS if settlement.is_final else KEPT_SECONDS,
                ],
            )
        except RedisUnavailableError as error:
            raise ClaimsUnavailableError(str(error)) from error
        return bool(settled)

    async def release(self, delivery_id: UUID, token: str) -> None:
        """Give our claim back without an attempt having been made."""
        try:
            await self._scripts.run(RELEASE, keys=[claim_key(delivery_id)], arguments=[token])
        except RedisUnavailableError as error:
            raise ClaimsUnavailableError(str(error)) from error

    def _limit_for(self, message: DeliveryMessage) -> int:
        # Retries were charged with their first attempt.
        is_exempt = message.retry_count > 0 or message.category in REQUIRED_CATEGORIES
        return 0 if is_exempt else self._hourly_limit


# What every message of the delivery and generation has itself is not kept once more.
_OF_THE_MESSAGE: Final = ("delivery_id", "notification_id", "generation", "correlation_id")


def _write(settlement: Settlement) -> str:
    left_out = {"outcome": {"v", *_OF_THE_MESSAGE}}
    return settlement.model_dump_json(exclude_defaults=True, exclude=left_out)


def _read(text: str, message: DeliveryMessage) -> Settlement:
    settlement = json.loads(text)
    for name in _OF_THE_MESSAGE:
        settlement["outcome"].setdefault(name, getattr(message, name))
    return Settlement.model_validate(settlement)


def _harmless_reasons(category: str) -> str:
    """The reasons for a suppression that let this category pass, each between two blanks."""
    return " ".join(
        ("", *(reason for reason in SuppressionReason if not blocks(reason, category)), "")
    )


def _time(milliseconds: str | int) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _milliseconds(time: datetime | None, default: int) -> int:
    return default if time is None else int(time.timestamp() * 1000)

"""Claims in Redis: one hash per delivery, each step one script, on Redis' own clock."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from contracts.delivery_message import DeliveryMessage
from delivery.claims import Claim, ClaimsUnavailableError, Settlement, Verdict
from delivery.policy import SOON
from servicekit.redis import RedisUnavailableError

KEPT_SECONDS: Final = 7 * 24 * 3600
CLAIMS_BEFORE_POISON: Final = 3

# The states are `sending` (held by `owner` until `lease`), `waiting` (given back) and `settled`.
_CLAIM: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local generation, attempt = tonumber(ARGV[1]), tonumber(ARGV[2])
if tonumber(ARGV[7]) > now then return {'early', now, ''} end
local held = redis.call('HMGET', KEYS[1],
    'generation', 'attempt', 'state', 'lease', 'claims', 'settlement')
local verdict, claims = 'claimed', 0
if held[1] then
    local held_generation, held_attempt = tonumber(held[1]), tonumber(held[2])
    if generation < held_generation then return {'superseded', now, ''} end
    if generation == held_generation then
        if attempt <= held_attempt and held[3] == 'settled' then
            return {'settled', now, held[6]}
        end
        if attempt < held_attempt then return {'superseded', now, ''} end
        if attempt == held_attempt then
            claims = tonumber(held[5])
            if held[3] == 'sending' then
                if tonumber(held[4]) > now then return {'busy', now, ''} end
                verdict = claims >= tonumber(ARGV[6]) and 'poison' or 'lapsed'
            end
        end
    end
end
redis.call('HSET', KEYS[1], 'generation', generation, 'attempt', attempt, 'state', 'sending',
    'owner', ARGV[3], 'lease', now + tonumber(ARGV[4]), 'claims', claims + 1, 'settlement', '')
redis.call('EXPIRE', KEYS[1], ARGV[5])
return {verdict, now, ''}
"""

# Refused only when somebody else has the delivery, or has ended it: a claim that Redis could not
# take, has lost, or that was given back meanwhile, is made up for here, or the outcome of a send
# that really happened would never be told.
_SETTLE: Final = """
local held = redis.call('HMGET', KEYS[1], 'generation', 'attempt', 'state', 'owner')
if held[1] then
    local generation, attempt = tonumber(ARGV[1]), tonumber(ARGV[2])
    local held_generation, held_attempt = tonumber(held[1]), tonumber(held[2])
    local is_older = held_generation < generation
        or (held_generation == generation and held_attempt < attempt)
    local is_open = held[1] == ARGV[1] and held[2] == ARGV[2]
        and (held[3] == 'waiting' or (held[3] == 'sending' and held[4] == ARGV[3]))
    if not is_older and not is_open then return 0 end
end
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'attempt', ARGV[2], 'state', 'settled',
    'owner', ARGV[3], 'lease', 0, 'claims', 1, 'settlement', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""

_RELEASE: Final = """
local held = redis.call('HMGET', KEYS[1], 'state', 'owner', 'claims')
if held[1] == 'sending' and held[2] == ARGV[1] then
    redis.call('HSET', KEYS[1], 'state', 'waiting', 'claims', tonumber(held[3]) - 1)
end
return 1
"""


def claim_key(delivery_id: UUID) -> str:
    """The hash that holds a delivery's claim."""
    return f"claim:{delivery_id}"


class RedisClaims:
    """Implements `delivery.claims.Claims`.

    Args:
        redis: Must decode responses.
        owner: Names this process, uniquely among all that ever ran.
        lease_seconds: After so long without a settlement others may take over; must exceed the
            deadline of an attempt, or a slow send would be repeated.
    """

    def __init__(self, redis: "Redis", *, owner: str, lease_seconds: float) -> None:
        self._redis = redis
        self._owner = owner
        self._lease_ms = int(lease_seconds * 1000)
        self._claim = redis.register_script(_CLAIM)
        self._settle = redis.register_script(_SETTLE)
        self._release = redis.register_script(_RELEASE)

    async def claim(self, message: DeliveryMessage) -> Claim:
        """Claim this attempt of this delivery."""
        try:
            verdict, now_ms, settlement = await self._claim(
                keys=[claim_key(message.delivery_id)],
                args=[
                    message.generation,
                    message.retry_count,
                    self._owner,
                    self._lease_ms,
                    KEPT_SECONDS,
                    CLAIMS_BEFORE_POISON,
                    _earliest_ms(message),
                ],
            )
        except RedisUnavailableError as error:
            raise ClaimsUnavailableError(str(error)) from error
        return Claim(
            Verdict(verdict),
            datetime.fromtimestamp(int(now_ms) / 1000, UTC),
            Settlement.model_validate_json(settlement) if settlement else None,
        )

    async def settle(self, message: DeliveryMessage, settlement: Settlement) -> bool:
        """Record how our attempt ended; False: somebody else has it, or has ended it."""
        try:
            settled = await self._settle(
                keys=[claim_key(message.delivery_id)],
                args=[
                    message.generation,
                    message.retry_count,
                    self._owner,
                    settlement.model_dump_json(exclude_none=True),
                    KEPT_SECONDS,
                ],
            )
        except RedisUnavailableError as error:
            raise ClaimsUnavailableError(str(error)) from error
        return bool(settled)

    async def release(self, delivery_id: UUID) -> None:
        """Give our claim back without an attempt having been made."""
        try:
            await self._release(keys=[claim_key(delivery_id)], args=[self._owner])
        except RedisUnavailableError as error:
            raise ClaimsUnavailableError(str(error)) from error


def _earliest_ms(message: DeliveryMessage) -> int:
    if message.not_before is None:
        return 0
    return int((message.not_before - SOON).timestamp() * 1000)

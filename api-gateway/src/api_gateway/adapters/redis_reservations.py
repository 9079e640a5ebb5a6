"""What Redis says of a request in one round trip: rate, reservation, cached user and template.

Only in front of what decides: without Redis every key is `Undecided`, nobody is over their rate,
and nothing is cached. Requests of one moment share a round trip (`servicekit.redis_scripts`).
"""

import secrets
from typing import Final
from uuid import UUID

import orjson
from prometheus_client import Counter
from pydantic import AwareDatetime, BaseModel, ValidationError
from redis.asyncio import Redis

from api_gateway.domain.notification import Acceptance
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import (
    Answered,
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
from contracts.cache_keys import template_key, user_key
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.logs import get_logger
from servicekit.metrics import Metrics
from servicekit.redis import RedisPause, RedisUnavailableError
from servicekit.redis_scripts import RedisScripts, Script
from servicekit.versioned_cache import VersionedCache

_log = get_logger(__name__)

LEASE_MS: Final = 10_000
ANSWER_SECONDS: Final = 24 * 3600
_LEASE_PREFIX: Final = "lease:"

# A token bucket by Redis' clock, which all processes share; it holds a minute's worth. Then SET
# with NX and GET: it either takes the lease or shows who has the key.
_LOOK_UP: Final = Script.of("""
local limit, rate = tonumber(ARGV[3]), false
if limit > 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local bucket = redis.call('HMGET', KEYS[4], 'tokens', 'at')
  local tokens = tonumber(bucket[1]) or limit
  local passed = math.max(0, now - (tonumber(bucket[2]) or now))
  tokens = math.min(limit, tokens + passed * limit / 60000)
  if tokens < 1 then return {tostring(tokens)} end
  rate = tostring(tokens - 1)
  redis.call('HSET', KEYS[4], 'tokens', rate, 'at', now)
  redis.call('PEXPIRE', KEYS[4], 60000)
end
local held = false
if ARGV[1] ~= '' then held = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET', 'PX', ARGV[2]) end
local user = redis.call('HMGET', KEYS[2], 'body', 'stored_at')
local template = redis.call('HMGET', KEYS[3], 'body', 'stored_at')
return {rate, held, user[1], user[2], template[1], template[2]}
""")
_ANSWER: Final = Script.of("return redis.call('SET', KEYS[1], ARGV[1], 'EXAT', ARGV[2])")
_RELEASE: Final = Script.of("""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
""")


class _Answer(BaseModel):
    """What is remembered of an answer; written without the model, which costs ten times that."""

    fingerprint: str
    notification_id: UUID
    status: NotificationStatus
    created_at: AwareDatetime
    error: ErrorCode | None


class RedisReservations:
    """Implements `usecases.ports.Reservations`.

    Args:
        redis: Must decode responses.
        pause: Begun when Redis is found to be away, so that requests do not all wait for it.
        metrics: Where it is counted that a rate was not checked, and what was cached.
    """

    def __init__(self, redis: "Redis", pause: RedisPause, metrics: Metrics) -> None:
        self._scripts = RedisScripts(redis, pause)
        self._users = VersionedCache(redis, UserSnapshot, metrics=metrics)
        self._templates = VersionedCache(redis, TemplateSnapshot, metrics=metrics)
        self._unchecked = Counter(
            "rate_limit_unchecked_total",
            "Notifications whose caller's rate could not be checked, because Redis was away.",
            registry=metrics.registry,
        )

    async def look_up(self, wanted: Wanted) -> Looked:
        """In one step: count the request, reserve its key, find user and template."""
        token = _LEASE_PREFIX + secrets.token_hex(16) if wanted.key else ""
        user, template = user_key(wanted.user_id), template_key(wanted.template_code)
        try:
            answer = await self._scripts.run(
                _LOOK_UP,
                keys=(
                    _name(wanted.key) if wanted.key else "idem:",
                    *(user, template),
                    f"rate:{wanted.caller}",
                ),
                arguments=(token, LEASE_MS, wanted.rate_per_minute or 0),
            )
        except RedisUnavailableError as error:
            _log.warning("accepting.redis_unavailable", error=type(error).__name__)
            if wanted.rate_per_minute:
                self._unchecked.inc()
            return Looked(Undecided() if wanted.key else Keyless())
        if len(answer) == 1:
            assert wanted.rate_per_minute is not None
            return Looked(Keyless(), rate=_rate_state(wanted.rate_per_minute, answer[0], over=True))
        rate, held, *fields = answer
        return Looked(
            _key_state(token, held) if wanted.key else Keyless(),
            self._users.read(user, *fields[:2]),
            self._templates.read(template, *fields[2:]),
            _rate_state(wanted.rate_per_minute, rate) if wanted.rate_per_minute else None,
        )

    async def answered(self, key: IdempotencyKey, stored: StoredRequest) -> None:
        """Remember the answer for as long as the key is valid."""
        acceptance = stored.acceptance
        answer = {"fingerprint": stored.fingerprint, **vars(acceptance)}
        # Counted from the first answer, or each loss of Redis' memory would prolong the key.
        end = int(acceptance.created_at.timestamp()) + ANSWER_SECONDS
        await self._tell(_ANSWER, key, orjson.dumps(answer, default=str).decode(), end)

    async def release(self, key: IdempotencyKey, reserved: Reserved) -> None:
        """Free a key whose request was not accepted."""
        await self._tell(_RELEASE, key, reserved.token)

    async def _tell(self, script: Script, key: IdempotencyKey, *arguments: str | int) -> None:
        try:
            await self._scripts.run(script, keys=(_name(key),), arguments=arguments)
        except RedisUnavailableError as error:
            _log.warning("accepting.redis_unavailable", error=type(error).__name__)


def _key_state(token: str, held: str | None) -> KeyState:
    if held is None or held == token:  # ours: sent twice, because the connection broke in between
        return Reserved(token)
    if held.startswith(_LEASE_PREFIX):
        return InFlight()
    try:
        answer = _Answer.model_validate_json(held)
    except ValidationError as error:
        # Written by another version of us, perhaps. The store knows.
        _log.warning("idempotency.unreadable_answer", errors=error.error_count())
        return Undecided()
    return Answered(
        StoredRequest(
            answer.fingerprint,
            Acceptance(answer.notification_id, answer.status, answer.created_at, answer.error),
        )
    )


def _rate_state(limit: int, tokens_left: str, *, over: bool = False) -> RateState:
    """Where a caller stands whose bucket holds so many tokens; `over`: it had not one whole."""
    tokens, seconds_each = float(tokens_left), 60 / limit
    return RateState(
        limit=limit,
        remaining=int(tokens),
        retry_after=(1 - tokens) * seconds_each if over else 0.0,
        reset_after=(limit - tokens) * seconds_each,
    )


def _name(key: IdempotencyKey) -> str:
    return f"idem:{key.caller}:{key.request_id}"

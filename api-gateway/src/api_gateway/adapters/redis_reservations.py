"""Reservations of request ids in Redis: a short lease while it is served, then its answer.

Only in front of PostgreSQL, which decides: without Redis every key is `Undecided`.
"""

import secrets
from typing import Final, cast
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ValidationError
from redis.asyncio import Redis

from api_gateway.domain.notification import Acceptance
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import (
    Answered,
    InFlight,
    KeyState,
    Reserved,
    StoredRequest,
    Undecided,
)
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus
from servicekit.logs import get_logger
from servicekit.redis import RedisUnavailableError

_log = get_logger(__name__)

LEASE_MS: Final = 10_000
ANSWER_SECONDS: Final = 24 * 3600
_LEASE_PREFIX: Final = "lease:"

_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class _Answer(BaseModel):
    fingerprint: str
    notification_id: UUID
    status: NotificationStatus
    created_at: AwareDatetime
    error: ErrorCode | None


class RedisReservations:
    """Implements `usecases.ports.Reservations`."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._release = redis.register_script(_RELEASE)

    async def reserve(self, key: IdempotencyKey) -> KeyState:
        """Reserve a key for a few seconds, or say why not."""
        token = _LEASE_PREFIX + secrets.token_hex(16)
        try:
            # NX with GET: one round trip that either takes the lease or shows who has the key.
            held = cast(
                "str | None",
                await self._redis.set(_name(key), token, nx=True, px=LEASE_MS, get=True),
            )
        except RedisUnavailableError as error:
            _log.warning("idempotency.redis_unavailable", error=type(error).__name__)
            return Undecided()
        if held is None:
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

    async def answered(self, key: IdempotencyKey, stored: StoredRequest) -> None:
        """Remember the answer for as long as the key is valid."""
        acceptance = stored.acceptance
        answer = _Answer(
            fingerprint=stored.fingerprint,
            notification_id=acceptance.notification_id,
            status=acceptance.status,
            created_at=acceptance.created_at,
            error=acceptance.error,
        )
        try:
            # Counted from the first answer, or each loss of Redis' memory would prolong the key.
            end = int(acceptance.created_at.timestamp()) + ANSWER_SECONDS
            await self._redis.set(_name(key), answer.model_dump_json(), exat=end)
        except RedisUnavailableError as error:
            _log.warning("idempotency.redis_unavailable", error=type(error).__name__)

    async def release(self, key: IdempotencyKey, reserved: Reserved) -> None:
        """Free a key whose request was not accepted."""
        try:
            await self._release(keys=[_name(key)], args=[reserved.token])
        except RedisUnavailableError as error:
            _log.warning("idempotency.redis_unavailable", error=type(error).__name__)


def _name(key: IdempotencyKey) -> str:
    return f"idem:{key.caller}:{key.request_id}"

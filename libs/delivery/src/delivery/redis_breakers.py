"""Breakers in Redis: one small hash per provider of a channel, each step one script on its clock.

The steps are those of `servicekit.breaker`; `breakers_suite` in the tests holds both to the same. A
script that is sent again because its answer got lost may count a failure twice, and so open one
failure early; probes have tokens, and are counted once. Without its memory every breaker is closed.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from contracts.notification import NotificationType
from delivery.breakers import BreakerReading, BreakersUnavailableError
from servicekit.breaker import BreakerRules, BreakerState, Change, Permit
from servicekit.redis import RedisUnavailableError

KEPT_SECONDS: Final = 24 * 3600
"""After so long without a change a breaker is closed and has counted nothing."""

ANSWER_SECONDS: Final = 0.5
"""What takes longer is given up: a process does better alone than waiting for the group."""

_FIELDS: Final = (
    "epoch",
    "failures",
    "successes",
    "open_until",
    "probe",
    "probe_until",
    "closed_at",
)

_BREAKER: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'epoch', 'failures', 'successes', 'open_until', 'probe',
    'probe_until', 'closed_at')
local epoch, failures, successes = tonumber(held[1]) or 0, tonumber(held[2]) or 0,
    tonumber(held[3]) or 0
local open_until, probe = tonumber(held[4]) or 0, held[5] or ''
local probe_until, closed_at = tonumber(held[6]) or 0, tonumber(held[7]) or 0
local change = ''
local function ended(what)
    epoch, failures, successes, probe, probe_until = math.max(now, epoch + 1), 0, 0, '', 0
    open_until, closed_at, change = 0, 0, what
end
local function write()
    redis.call('HSET', KEYS[1], 'epoch', epoch, 'failures', failures, 'successes', successes,
        'open_until', open_until, 'probe', probe, 'probe_until', probe_until,
        'closed_at', closed_at)
    redis.call('EXPIRE', KEYS[1], ARGV[1])
end
local function answer()
    return {clock[1] * 1000000 + clock[2], change, epoch, failures, successes, open_until, probe,
        probe_until, closed_at}
end
"""

# ARGV: kept seconds, epoch, token, failures that open, open milliseconds.
_FAILED: Final = (
    _BREAKER
    + """
if ARGV[3] ~= '' then
    if probe ~= ARGV[3] then return answer() end
    ended('probe_failed')
    open_until = now + tonumber(ARGV[5])
else
    if open_until > 0 or epoch ~= tonumber(ARGV[2]) then return answer() end
    failures = failures + 1
    if failures >= tonumber(ARGV[4]) then
        ended('opened')
        open_until = now + tonumber(ARGV[5])
    end
end
write()
return answer()
"""
)

# ARGV: kept seconds, epoch, token, successes that close.
_SUCCEEDED: Final = (
    _BREAKER
    + """
if ARGV[3] ~= '' then
    if probe ~= ARGV[3] then return answer() end
    successes, probe, probe_until = successes + 1, '', 0
    if successes >= tonumber(ARGV[4]) then
        ended('closed')
        closed_at = now
    end
else
    if open_until > 0 or failures == 0 or epoch ~= tonumber(ARGV[2]) then return answer() end
    failures = 0
end
write()
return answer()
"""
)

# ARGV: kept seconds, token, lease in milliseconds.
_TAKE_PROBE: Final = (
    _BREAKER
    + """
local is_free = now >= open_until and (probe == '' or now >= probe_until)
if open_until > 0 and (probe == ARGV[2] or is_free) then
    probe, probe_until = ARGV[2], now + tonumber(ARGV[3])
    write()
end
return answer()
"""
)

# ARGV: kept seconds, token.
_GIVE_BACK_PROBE: Final = (
    _BREAKER
    + """
if probe == ARGV[2] then
    probe, probe_until = '', 0
    write()
end
return answer()
"""
)


def breaker_key(notification_type: NotificationType, provider: str) -> str:
    """The key that holds a provider's breaker."""
    return f"breaker:{notification_type}:{provider}"


class RedisBreakers:
    """Implements `delivery.breakers.Breakers`.

    Args:
        redis: Must decode responses.
        notification_type: The channel: another one may have a provider of the same name.
        rules: When they open and close; must be the same in all processes of the channel.
    """

    def __init__(
        self,
        redis: "Redis",
        notification_type: NotificationType,
        rules: BreakerRules | None = None,
    ) -> None:
        self._redis = redis
        self._type = notification_type
        self._rules = rules or BreakerRules()
        self._failed = redis.register_script(_FAILED)
        self._succeeded = redis.register_script(_SUCCEEDED)
        self._take_probe = redis.register_script(_TAKE_PROBE)
        self._give_back_probe = redis.register_script(_GIVE_BACK_PROBE)

    @property
    def rules(self) -> BreakerRules:
        """When they open and close."""
        return self._rules

    async def read(self, providers: Sequence[str]) -> list[BreakerReading]:
        """The breakers of `providers`, in one round trip."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                async with self._redis.pipeline(transaction=False) as pipeline:
                    pipeline.time()
                    for provider in providers:
                        pipeline.hmget(breaker_key(self._type, provider), *_FIELDS)
                    (seconds, microseconds), *held = await pipeline.execute()
        except RedisUnavailableError as error:
            raise BreakersUnavailableError(str(error)) from error
        at = int(seconds) * 1_000_000 + int(microseconds)
        return [BreakerReading(_state(fields), at) for fields in held]

    async def failed(self, provider: str, permit: Permit) -> BreakerReading:
        """A call under `permit` was a failure of the provider."""
        open_ms = round(self._rules.open_seconds * 1000)
        return await self._run(
            self._failed, provider, permit.epoch, permit.probe, self._rules.failures, open_ms
        )

    async def succeeded(self, provider: str, permit: Permit) -> BreakerReading:
        """A call under `permit` was answered."""
        return await self._run(
            self._succeeded, provider, permit.epoch, permit.probe, self._rules.successes
        )

    async def take_probe(self, provider: str, token: str, lease_seconds: float) -> BreakerReading:
        """Ask for the probe, or renew it: `token` has it if the state says so."""
        return await self._run(self._take_probe, provider, token, round(lease_seconds * 1000))

    async def give_back_probe(self, provider: str, token: str) -> BreakerReading:
        """The probe was not made; if it is no longer ours, nothing happens."""
        return await self._run(self._give_back_probe, provider, token)

    async def _run(self, script: Any, provider: str, *args: str | int) -> BreakerReading:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                at, change, *fields = await script(
                    keys=[breaker_key(self._type, provider)], args=[KEPT_SECONDS, *args]
                )
        except RedisUnavailableError as error:
            raise BreakersUnavailableError(str(error)) from error
        return BreakerReading(_state(fields), int(at), Change(change))


def _state(fields: Sequence[Any]) -> BreakerState:
    epoch, failures, successes, open_until, probe, probe_until, closed_at = fields
    return BreakerState(
        epoch=int(epoch or 0),
        failures=int(failures or 0),
        successes=int(successes or 0),
        open_until=int(open_until or 0),
        probe=probe or "",
        probe_until=int(probe_until or 0),
        closed_at=int(closed_at or 0),
    )

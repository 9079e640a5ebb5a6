"""A cache in Redis in which the newer version always wins, whoever writes it and in which order.

The owner of a row writes its new version before it answers its own caller; a reader that fetched an
older copy a moment before cannot put it back over that.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis

from servicekit.logs import get_logger
from servicekit.metrics import Metrics

_log = get_logger(__name__)

ModelT = TypeVar("ModelT", bound=BaseModel)

# Both take many keys, so that many cost one round trip and one command. Equal versions are written
# again: that refreshes `stored_at`.
_READ: Final = """
local found = {}
for at, key in ipairs(KEYS) do found[at] = redis.call('HMGET', key, 'body', 'stored_at') end
return found
"""
_SET_IF_NEWER: Final = """
local written = {}
for at, key in ipairs(KEYS) do
  local version, body = ARGV[2 * at + 1], ARGV[2 * at + 2]
  local held = redis.call('HGET', key, 'version')
  if held and tonumber(held) > tonumber(version) then
    written[at] = 0
  else
    redis.call('HSET', key, 'version', version, 'body', body, 'stored_at', ARGV[1])
    redis.call('EXPIRE', key, ARGV[2])
    written[at] = 1
  end
end
return written
"""

SOFT_SECONDS: Final = 300
HARD_SECONDS: Final = 24 * 3600
FIELDS: Final = ("body", "stored_at")
"""Of the hash under a key: what `VersionedCache.read` takes, in this order."""
_REMEMBERED: Final = 512
"""Values that are kept as they were parsed, by their text: templates come again and again."""


@dataclass(frozen=True)
class Cached(Generic[ModelT]):
    """A cached value; a stale one may serve while its owner is away."""

    value: ModelT
    is_stale: bool


class VersionedCache(Generic[ModelT]):
    """Cached models of one kind.

    Args:
        redis: Must decode responses.
        model: What is cached.
        soft_seconds: From this age on a value is stale.
        hard_seconds: At this age it is gone.
        now: Seconds since the epoch.
        metrics: Count what is read, by the model's name.
    """

    def __init__(
        self,
        redis: "Redis",
        model: type[ModelT],
        *,
        soft_seconds: float = SOFT_SECONDS,
        hard_seconds: int = HARD_SECONDS,
        now: Callable[[], float] = time.time,
        metrics: Metrics | None = None,
    ) -> None:
        self._redis = redis
        self._model = model
        self._soft_seconds = soft_seconds
        self._hard_seconds = hard_seconds
        self._now = now
        self._values: dict[str, ModelT] = {}
        # Finding the child of a metric costs more than counting with it.
        self._count = (
            cache(partial(metrics.cache_reads.labels, model.__name__)) if metrics else None
        )
        self._read = redis.register_script(_READ)
        self._set_if_newer = redis.register_script(_SET_IF_NEWER)

    async def get(self, key: str) -> Cached[ModelT] | None:
        """The value under this key, if there is one that this release can read.

        Raises:
            RedisError: Redis is away.
        """
        body, stored_at = cast("list[str | None]", await self._redis.hmget(key, FIELDS))
        return self.read(key, body, stored_at)

    async def get_many(self, keys: Sequence[str]) -> dict[str, Cached[ModelT]]:
        """The values under those keys that have one, in one round trip.

        Raises:
            RedisError: Redis is away.
        """
        if not keys:
            return {}
        fields = cast("list[list[str | None]]", await self._read(keys=keys))
        found = {key: self.read(key, *each) for key, each in zip(keys, fields, strict=True)}
        return {key: cached for key, cached in found.items() if cached is not None}

    def read(self, key: str, body: str | None, stored_at: str | None) -> Cached[ModelT] | None:
        """What the `FIELDS` of a key say, for who has got them together with something else."""
        cached = self._parse(key, body, stored_at)
        if self._count is not None:
            self._count(
                "absent" if cached is None else "stale" if cached.is_stale else "fresh"
            ).inc()
        return cached

    def _parse(self, key: str, body: str | None, stored_at: str | None) -> Cached[ModelT] | None:
        if body is None or stored_at is None:
            return None
        is_stale = self._now() - float(stored_at) > self._soft_seconds
        value = self._values.get(body)
        if value is None:
            try:
                value = self._model.model_validate_json(body)
            except ValidationError as error:
                # Another release wrote it; the caller reads from the owner, and `put` replaces it.
                _log.warning("cache.unreadable", key=key, errors=error.error_count())
                return None
            if len(self._values) >= _REMEMBERED:
                self._values.clear()
            self._values[body] = value
        return Cached(value, is_stale)

    async def put(self, key: str, version: int, value: ModelT) -> bool:
        """Write the value unless a newer version is there; tells whether it was written.

        Raises:
            RedisError: Redis is away.
        """
        [written] = await self.put_many([(key, version, value)])
        return written

    async def put_many(self, entries: Sequence[tuple[str, int, ModelT]]) -> list[bool]:
        """The same for many keys, versions and values, in one round trip.

        Raises:
            RedisError: Redis is away; some may have been written.
        """
        if not entries:
            return []
        arguments: list[str | int | float] = [self._now(), self._hard_seconds]
        for _, version, value in entries:
            arguments += (version, value.model_dump_json())
        written = await self._set_if_newer(keys=[key for key, _, _ in entries], args=arguments)
        return [bool(each) for each in written]

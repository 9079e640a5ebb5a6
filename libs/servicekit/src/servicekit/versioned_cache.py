"""A cache in Redis in which the newer version always wins, whoever writes it and in which order.

The owner of a row writes its new version before it answers its own caller; a reader that fetched an
older copy a moment before cannot put it back over that.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis

from servicekit.logs import get_logger

_log = get_logger(__name__)

ModelT = TypeVar("ModelT", bound=BaseModel)

# Equal versions are written again: that refreshes `stored_at`.
_SET_IF_NEWER: Final = """
local held = redis.call('HGET', KEYS[1], 'version')
if held and tonumber(held) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'body', ARGV[2], 'stored_at', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
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
    """

    def __init__(
        self,
        redis: "Redis",
        model: type[ModelT],
        *,
        soft_seconds: float = SOFT_SECONDS,
        hard_seconds: int = HARD_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._model = model
        self._soft_seconds = soft_seconds
        self._hard_seconds = hard_seconds
        self._now = now
        self._values: dict[str, ModelT] = {}
        self._set_if_newer = redis.register_script(_SET_IF_NEWER)

    async def get(self, key: str) -> Cached[ModelT] | None:
        """The value under this key, if there is one that this release can read.

        Raises:
            RedisError: Redis is away.
        """
        body, stored_at = cast("list[str | None]", await self._redis.hmget(key, FIELDS))
        return self.read(key, body, stored_at)

    def read(self, key: str, body: str | None, stored_at: str | None) -> Cached[ModelT] | None:
        """What the `FIELDS` of a key say, for who has got them together with something else."""
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
        written = await self._set_if_newer(
            keys=[key],
            args=[version, value.model_dump_json(), self._now(), self._hard_seconds],
        )
        return bool(written)

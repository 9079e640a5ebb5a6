"""Suppressed addresses in Redis, where the workers look before they send."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from redis.asyncio import Redis

from contracts.cache_keys import suppression_key
from servicekit.logs import get_logger
from servicekit.redis import RedisUnavailableError
from user_service.domain.suppression import Suppression

_log = get_logger(__name__)

HELD: Final = timedelta(days=7)
"""How long a key lives that nobody writes again: long enough for any absence of this service, and
no key stays for ever of which no table knows any more."""


_SIGN: Final = "suppressions:complete"
"""Goes where the other keys go when Redis loses its memory."""
_BEGUN: Final = "begun"
_COMPLETE: Final = "complete"


class RedisSuppressions:
    """The port `SuppressedAddresses` on the keys that workers read.

    Args:
        redis: Where the workers look.
        now: When a key is written.
    """

    def __init__(self, redis: "Redis", *, now: Callable[[], datetime]) -> None:
        self._redis = redis
        self._now = now

    async def tell(self, states: Mapping[str, Suppression | None]) -> bool:
        """Write the key of each that is suppressed, until it expires; delete the others'."""
        latest = self._now() + HELD
        pipeline = self._redis.pipeline(transaction=False)
        for digest, suppression in states.items():
            key = suppression_key(digest)
            if suppression is None:
                pipeline.delete(key)
            else:
                until = min(suppression.expires_at or latest, latest)
                pipeline.set(key, suppression.reason.value, pxat=until)
        try:
            await pipeline.execute()
        except RedisUnavailableError as error:
            _log.warning("suppressions.not_told", count=len(states), error=type(error).__name__)
            return False
        return True

    async def mark_begun(self) -> None:
        """Leave a sign that all suppressions are being told, unless one is there."""
        with _logged():
            await self._redis.set(_SIGN, _BEGUN, ex=HELD, nx=True)

    async def mark_complete(self) -> None:
        """Let the sign say that all were told, if it is still there."""
        with _logged():
            await self._redis.set(_SIGN, _COMPLETE, ex=HELD, xx=True)

    async def is_complete(self) -> bool:
        """Whether the sign says so."""
        try:
            sign: object = await self._redis.get(_SIGN)
        except RedisUnavailableError:
            return False
        return sign == _COMPLETE


@contextmanager
def _logged() -> Iterator[None]:
    try:
        yield
    except RedisUnavailableError as error:
        _log.warning("suppressions.not_marked", error=type(error).__name__)

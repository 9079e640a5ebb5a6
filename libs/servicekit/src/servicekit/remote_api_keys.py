"""API keys as every service but their owner sees them: Redis first, then user-service."""

import time
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis

from contracts.access import ApiKeyRecord
from contracts.cache_keys import api_key_key
from servicekit.cached_directory import CachedDirectory
from servicekit.metrics import Metrics
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import VersionedCache

_SOFT_SECONDS: Final = 60
_HARD_SECONDS: Final = 600  # how long a key is honoured while user-service is away
_HELD_SECONDS: Final = 1.0
"""A key is looked up once a second at most, so a revocation is in force everywhere within two."""
_HELD_KEYS: Final = 1_000


class RemoteApiKeys:
    """Finds API keys by digest.

    A revocation is in force within a second, because user-service writes it to the cache before it
    answers; the short soft age covers the case that it could not.

    Args:
        redis: The cache that user-service writes to.
        user_service: The owner.
        monotonic: Seconds that never go back.
        metrics: Count what is read from the cache, and the stale copies that serve.
    """

    def __init__(
        self,
        redis: "Redis",
        user_service: ServiceClient,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        metrics: Metrics | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._held: dict[str, tuple[float, ApiKeyRecord]] = {}
        self._directory: CachedDirectory[str, ApiKeyRecord] = CachedDirectory(
            cache=VersionedCache(
                redis,
                ApiKeyRecord,
                soft_seconds=_SOFT_SECONDS,
                hard_seconds=_HARD_SECONDS,
                metrics=metrics,
            ),
            service=user_service,
            model=ApiKeyRecord,
            cache_key=api_key_key,
            path="/api/v1/api-keys/by-digest/{}",
            version_of=lambda record: record.version,
            metrics=metrics,
        )

    async def find(self, digest: str) -> ApiKeyRecord | None:
        """The key with this digest.

        Raises:
            UnavailableError: It is not cached, and user-service is away.
        """
        now = self._monotonic()
        if (held := self._held.get(digest)) is not None and now < held[0]:
            return held[1]
        record = await self._directory.find(digest)
        if record is None:
            self._held.pop(digest, None)
            return None
        if len(self._held) >= _HELD_KEYS:
            self._held.clear()
        self._held[digest] = (now + _HELD_SECONDS, record)
        return record

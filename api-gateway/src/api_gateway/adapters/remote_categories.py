"""The catalogue of categories as the gateway knows it: a moment old at most, and never missing."""

import time
from collections.abc import Callable
from typing import Final

from redis.asyncio import Redis

from contracts.cache_keys import CATEGORIES_KEY
from contracts.category import BUILT_IN, CategoryCatalogue
from servicekit.cached_directory import CachedDirectory
from servicekit.errors import UnavailableError
from servicekit.metrics import Metrics
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import VersionedCache

_PATH: Final = "/api/v1/categories/catalogue"
_HELD_SECONDS: Final = 1.0


class RemoteCategories:
    """Implements `usecases.ports.Categories`.

    Args:
        redis: The cache that user-service writes each new version to.
        user_service: The owner.
        metrics: Count what is read from the cache.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        redis: "Redis",
        user_service: ServiceClient,
        metrics: Metrics,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._held = BUILT_IN
        self._is_known = False
        self._held_until = float("-inf")
        self._directory: CachedDirectory[str, CategoryCatalogue] = CachedDirectory(
            cache=VersionedCache(redis, CategoryCatalogue, metrics=metrics),
            service=user_service,
            model=CategoryCatalogue,
            cache_key=str,
            path=_PATH,
            version_of=lambda catalogue: catalogue.version,
            metrics=metrics,
        )

    async def current(self) -> CategoryCatalogue:
        """The newest that is known: the owner's, else the last one seen, else the built-in one."""
        now = self._monotonic()
        if now < self._held_until:
            return self._held
        if self._is_known:
            # Others need not wait for this look: what is held is good enough for them.
            self._held_until = now + _HELD_SECONDS
        try:
            found = await self._directory.find(CATEGORIES_KEY)
        except UnavailableError:
            return self._held
        self._is_known, self._held_until = True, now + _HELD_SECONDS
        if found is not None and found.version >= self._held.version:
            self._held = found
        return self._held

"""What another service owns, as we see it: Redis first, then the owner, then a stale copy."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.metrics import Metrics
from servicekit.redis import RedisUnavailableError
from servicekit.service_client import ServiceClient
from servicekit.single_flight import SingleFlight
from servicekit.versioned_cache import Cached, VersionedCache

_log = get_logger(__name__)

PATIENCE_SECONDS: Final = 0.2
"""With an owner of whose thing there is a stale copy: a caller's own patience is worth more."""

KeyT = TypeVar("KeyT")
ModelT = TypeVar("ModelT", bound=BaseModel)


class CachedDirectory(Generic[KeyT, ModelT]):
    """Finds one kind of thing. What does not exist is not remembered.

    Args:
        cache: Shared with the owner, who writes each new version before answering its caller. It
            also says from which age on a copy is stale, and until when a stale one may serve.
        service: The owner.
        model: What is found.
        cache_key: The key in Redis.
        path: Where the owner answers it, with `{}` for the key.
        version_of: The version by which the newer copy wins.
        metrics: Count the stale copies that serve.
    """

    def __init__(
        self,
        *,
        cache: VersionedCache[ModelT],
        service: ServiceClient,
        model: type[ModelT],
        cache_key: Callable[[KeyT], str],
        path: str,
        version_of: Callable[[ModelT], int],
        metrics: Metrics | None = None,
    ) -> None:
        self._cache = cache
        self._service = service
        self._model = model
        self._cache_key = cache_key
        self._path = path
        self._version_of = version_of
        self._metrics = metrics
        self._asking: SingleFlight[KeyT, ModelT | None] = SingleFlight()

    async def find(self, key: KeyT) -> ModelT | None:
        """What has this key, or None if nothing has.

        Raises:
            UnavailableError: The owner is away, and there is no copy.
        """
        found = await self.find_copy(key)
        return None if found is None else found.value

    async def find_copy(self, key: KeyT) -> Cached[ModelT] | None:
        """The same, with whether it is a stale copy because the owner is away.

        Raises:
            UnavailableError: The owner is away, and there is no copy.
        """
        return await self.refresh(key, await self._read(key))

    async def refresh(self, key: KeyT, cached: Cached[ModelT] | None) -> Cached[ModelT] | None:
        """What has this key, for who has read the cache already.

        Args:
            key: What is looked for.
            cached: The copy that was there; one that is not stale is the answer, and a stale one is
                it where the owner takes longer than `PATIENCE_SECONDS`, who is then heard out for
                the next one who asks.

        Raises:
            UnavailableError: The owner is away, and there is no copy.
        """
        if cached is not None and not cached.is_stale:
            return cached
        if cached is None:
            value = await self._ask_together(key)
            return None if value is None else Cached(value, is_stale=False)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                value = await self._ask_together(key)
        except (UnavailableError, TimeoutError):
            self._used_stale(key)
            return cached
        return None if value is None else Cached(value, is_stale=False)

    async def _ask_together(self, key: KeyT) -> ModelT | None:
        """Ask the owner once for all who look for this key now."""
        began_earlier = self._asking.is_under_way(key)
        value = await self._asking.run(key, lambda: self._ask_and_keep(key))
        if value is None and began_earlier:
            # It may have come to exist since that was asked, and whoever made it knows.
            value = await self._asking.run(key, lambda: self._ask_and_keep(key))
        return value

    async def _ask_and_keep(self, key: KeyT) -> ModelT | None:
        value = await self._ask_owner(key)
        if value is not None:
            await self._write(key, value)
        return value

    async def _ask_owner(self, key: KeyT) -> ModelT | None:
        with self._reading(self._cache_key(key)):
            body = await self._service.get(self._path.format(quote(str(key), safe="")))
            return None if body is None else self._model.model_validate(body["data"])

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """Read an answer; one that cannot be read is none."""
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            # Another version of the owner, or something in between that answers in its place.
            _log.error("directory.unreadable_answer", key=what, error=str(error))
            msg = f"The answer about {what} could not be read."
            raise UnavailableError(msg) from error

    def _used_stale(self, *keys: KeyT) -> None:
        """Tell that copies of these serve although they are stale."""
        if not keys:
            return
        if self._metrics is not None:
            self._metrics.stale_copies.labels(self._model.__name__).inc(len(keys))
        _log.warning("directory.stale_copy_used", key=self._cache_key(keys[0]), copies=len(keys))

    async def _read(self, key: KeyT) -> Cached[ModelT] | None:
        try:
            return await self._cache.get(self._cache_key(key))
        except RedisUnavailableError as error:
            _log.warning("directory.cache_unavailable", error=type(error).__name__)
            return None

    async def _write(self, key: KeyT, value: ModelT) -> None:
        try:
            await self._cache.put(self._cache_key(key), self._version_of(value), value)
        except RedisUnavailableError as error:
            _log.warning("directory.cache_unavailable", error=type(error).__name__)

"""Many of what another service owns: one question to Redis, and one to the owner for the rest."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel

from servicekit.cached_directory import CachedDirectory
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.metrics import Metrics
from servicekit.redis import RedisUnavailableError
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import Cached, VersionedCache

_log = get_logger(__name__)

KeyT = TypeVar("KeyT", bound=Hashable)
ModelT = TypeVar("ModelT", bound=BaseModel)


class CopiesMissingError(UnavailableError):
    """The owner is away, and of some keys there is no copy.

    Attributes:
        keys: Those keys. Of the others that were asked for there is a copy, or they do not exist.
    """

    def __init__(self, reason: UnavailableError, keys: Iterable[object]) -> None:
        super().__init__(reason.message, code=reason.code)
        self.headers = reason.headers
        self.keys = frozenset(keys)


class BulkDirectory(CachedDirectory[KeyT, ModelT]):
    """A directory that also finds many at once.

    Args:
        cache: As for `CachedDirectory`, like all that is not explained here.
        service: The owner.
        model: What is found.
        cache_key: The key in Redis.
        path: Where the owner answers one.
        version_of: The version by which the newer copy wins.
        many_path: Where the owner answers, to a POST, a list of those that exist.
        question_of: The body of that POST.
        most_at_once: So many keys go into one question.
        key_of: The key of what is found.
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
        many_path: str,
        question_of: Callable[[Sequence[KeyT]], BaseModel],
        most_at_once: int,
        key_of: Callable[[ModelT], KeyT],
        metrics: Metrics | None = None,
    ) -> None:
        super().__init__(
            cache=cache,
            service=service,
            model=model,
            cache_key=cache_key,
            path=path,
            version_of=version_of,
            metrics=metrics,
        )
        self._many_path = many_path
        self._question_of = question_of
        self._most_at_once = most_at_once
        self._key_of = key_of

    async def find_many(self, keys: Iterable[KeyT]) -> dict[KeyT, Cached[ModelT]]:
        """What has these keys; a key that nothing has is left out.

        Stale copies serve while the owner is away, and say so.

        Raises:
            CopiesMissingError: The owner is away, and of some keys there is no copy. It names
                them; asking again for the others costs one look into Redis.
        """
        wanted = iter(dict.fromkeys(keys))
        found: dict[KeyT, Cached[ModelT]] = {}
        missing: list[KeyT] = []
        reason: UnavailableError | None = None
        while some := list(islice(wanted, self._most_at_once)):
            copies = await self._read_many(some)
            outdated = [key for key in some if key not in copies or copies[key].is_stale]
            found |= copies
            if not outdated:
                continue
            try:
                fresh = await self._ask_for_many(outdated)
            except UnavailableError as error:
                reason = error
                missing += [key for key in outdated if key not in copies]
                self._used_stale(*(key for key in outdated if key in copies))
                continue
            for key in outdated:
                found.pop(key, None)
            found |= {key: Cached(value, is_stale=False) for key, value in fresh.items()}
            await self._write_many(fresh)
        if missing and reason is not None:
            raise CopiesMissingError(reason, missing) from reason
        return found

    async def _ask_for_many(self, keys: Sequence[KeyT]) -> dict[KeyT, ModelT]:
        question = self._question_of(keys).model_dump(mode="json")
        body = await self._service.ask(self._many_path, question)
        if body is None:  # an older release of the owner, which does not answer many
            msg = f"There is nothing at {self._many_path}."
            raise UnavailableError(msg)
        with self._reading(self._many_path):
            answered = [self._model.model_validate(each) for each in _list_in(body)]
        asked = set(keys)
        by_key = {self._key_of(value): value for value in answered}
        return {key: value for key, value in by_key.items() if key in asked}

    async def _read_many(self, keys: Sequence[KeyT]) -> dict[KeyT, Cached[ModelT]]:
        names = {key: self._cache_key(key) for key in keys}
        try:
            copies = await self._cache.get_many(list(names.values()))
        except RedisUnavailableError as error:
            _log.warning("directory.cache_unavailable", error=type(error).__name__)
            return {}
        return {key: copies[name] for key, name in names.items() if name in copies}

    async def _write_many(self, values: dict[KeyT, ModelT]) -> None:
        try:
            await self._cache.put_many(
                [
                    (self._cache_key(key), self._version_of(value), value)
                    for key, value in values.items()
                ]
            )
        except RedisUnavailableError as error:
            _log.warning("directory.cache_unavailable", error=type(error).__name__)


def _list_in(body: dict[str, Any]) -> list[Any]:
    data = body["data"]
    if not isinstance(data, list):
        msg = "the answer is no list"
        raise TypeError(msg)
    return data

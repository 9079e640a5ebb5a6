"""Users and API keys in Redis, where the other services look before they ask us."""

from typing import Final

from redis.asyncio import Redis

from contracts.access import ApiKeyRecord
from contracts.cache_keys import CATEGORIES_KEY, api_key_key, user_key
from contracts.category import CategoryCatalogue
from contracts.user_snapshot import UserSnapshot
from servicekit.logs import get_logger
from servicekit.redis import RedisUnavailableError
from servicekit.versioned_cache import VersionedCache

_log = get_logger(__name__)

# As in servicekit.remote_api_keys: how long a key is honoured while this service is away.
_API_KEY_HARD_SECONDS: Final = 600


class RedisSnapshots:
    """The port `Snapshots` on the cache that all services read.

    Without Redis nothing is lost: readers ask us when their copy is stale, after minutes.
    """

    def __init__(self, redis: "Redis") -> None:
        self._users = VersionedCache(redis, UserSnapshot)
        self._categories = VersionedCache(redis, CategoryCatalogue)
        self._api_keys = VersionedCache(redis, ApiKeyRecord, hard_seconds=_API_KEY_HARD_SECONDS)

    async def store_user(self, snapshot: UserSnapshot) -> None:
        """Make a user visible, unless a newer version is there."""
        try:
            await self._users.put(user_key(snapshot.user_id), snapshot.version, snapshot)
        except RedisUnavailableError as error:
            _log.warning(
                "user_snapshot.not_cached",
                user_id=str(snapshot.user_id),
                error=type(error).__name__,
            )

    async def store_categories(self, catalogue: CategoryCatalogue) -> None:
        """Make the catalogue visible, unless a newer version is there."""
        try:
            await self._categories.put(CATEGORIES_KEY, catalogue.version, catalogue)
        except RedisUnavailableError as error:
            _log.warning("categories.not_cached", error=type(error).__name__)

    async def store_api_key(self, digest: str, record: ApiKeyRecord) -> None:
        """Make a key visible, unless a newer version is there."""
        try:
            await self._api_keys.put(api_key_key(digest), record.version, record)
        except RedisUnavailableError as error:
            _log.warning(
                "api_key_record.not_cached",
                api_key_id=str(record.id),
                is_active=record.is_active,
                error=type(error).__name__,
            )

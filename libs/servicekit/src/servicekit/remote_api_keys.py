"""API keys as every service but their owner sees them: Redis first, then user-service."""

from redis.asyncio import Redis

from contracts.access import ApiKeyRecord
from contracts.cache_keys import api_key_key
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.redis import RedisUnavailableError
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import VersionedCache

_log = get_logger(__name__)
_SOFT_SECONDS = 60
_HARD_SECONDS = 600  # how long a key is honoured while user-service is away


class RemoteApiKeys:
    """Finds API keys by digest.

    A revocation is in force at once, because user-service writes it to the cache before it answers;
    the short soft age covers the case that it could not.
    """

    def __init__(self, redis: "Redis", user_service: ServiceClient) -> None:
        self._cache = VersionedCache(
            redis, ApiKeyRecord, soft_seconds=_SOFT_SECONDS, hard_seconds=_HARD_SECONDS
        )
        self._user_service = user_service

    async def find(self, digest: str) -> ApiKeyRecord | None:
        """The key with this digest.

        Raises:
            UnavailableError: It is not cached, and user-service is away.
        """
        key = api_key_key(digest)
        try:
            cached = await self._cache.get(key)
        except RedisUnavailableError as error:
            _log.warning("api_key_cache.unavailable", error=type(error).__name__)
            cached = None
        if cached is not None and not cached.is_stale:
            return cached.value
        try:
            body = await self._user_service.get(f"/api/v1/api-keys/by-digest/{digest}")
        except UnavailableError:
            if cached is not None:
                return cached.value
            raise
        if body is None:
            return None
        record = ApiKeyRecord.model_validate(body["data"])
        await self._remember(key, record)
        return record

    async def _remember(self, key: str, record: ApiKeyRecord) -> None:
        try:
            await self._cache.put(key, record.version, record)
        except RedisUnavailableError as error:
            _log.warning("api_key_cache.unavailable", error=type(error).__name__)

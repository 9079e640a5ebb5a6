"""API keys as every service but their owner sees them: Redis first, then user-service."""

from typing import Final

from redis.asyncio import Redis

from contracts.access import ApiKeyRecord
from contracts.cache_keys import api_key_key
from servicekit.cached_directory import CachedDirectory
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import VersionedCache

_SOFT_SECONDS: Final = 60
_HARD_SECONDS: Final = 600  # how long a key is honoured while user-service is away


class RemoteApiKeys:
    """Finds API keys by digest.

    A revocation is in force at once, because user-service writes it to the cache before it answers;
    the short soft age covers the case that it could not.
    """

    def __init__(self, redis: "Redis", user_service: ServiceClient) -> None:
        self._directory: CachedDirectory[str, ApiKeyRecord] = CachedDirectory(
            cache=VersionedCache(
                redis, ApiKeyRecord, soft_seconds=_SOFT_SECONDS, hard_seconds=_HARD_SECONDS
            ),
            service=user_service,
            model=ApiKeyRecord,
            cache_key=api_key_key,
            path="/api/v1/api-keys/by-digest/{}",
            version_of=lambda record: record.version,
        )

    async def find(self, digest: str) -> ApiKeyRecord | None:
        """The key with this digest.

        Raises:
            UnavailableError: It is not cached, and user-service is away.
        """
        return await self._directory.find(digest)

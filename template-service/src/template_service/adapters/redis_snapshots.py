"""Template snapshots in Redis, where the gateway looks before it asks us."""

from redis.asyncio import Redis

from contracts.cache_keys import template_key
from contracts.template_snapshot import TemplateSnapshot
from servicekit.logs import get_logger
from servicekit.redis import RedisUnavailableError
from servicekit.versioned_cache import VersionedCache

_log = get_logger(__name__)


class RedisSnapshots:
    """The port `Snapshots` on the cache that the gateway reads."""

    def __init__(self, redis: "Redis") -> None:
        self._cache = VersionedCache(redis, TemplateSnapshot)

    async def store(self, snapshot: TemplateSnapshot) -> None:
        """Make the snapshot visible, unless a newer one is there.

        Without Redis nothing is lost: the gateway asks us when its copy is stale, after minutes.
        """
        try:
            await self._cache.put(template_key(snapshot.code), snapshot.row_version, snapshot)
        except RedisUnavailableError as error:
            _log.warning(
                "template_snapshot.not_cached", code=snapshot.code, error=type(error).__name__
            )

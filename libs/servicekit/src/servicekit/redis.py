"""Redis connections with limits that keep a dead Redis from stopping us.

redis-py's defaults retry a command ten times and wait five seconds each; a black hole then costs
59 s a command, and one slow script was seen to run eleven times on the server. Here a command is
sent again only over a connection that turned out to be closed, and only once: after a restart of
Redis every kept connection is such a one, and would otherwise fail a command each.
"""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

RedisUnavailableError = (RedisError, OSError, TimeoutError)
"""What a command raises when Redis is away; callers decide what to do without it."""


def create_redis(
    url: str, *, name: str, max_connections: int = 20, timeout_seconds: float = 0.5
) -> "Redis":
    """A client that fails fast: one time-out for connecting and for answering, never retried.

    Args:
        url: `redis://[:password@]host:port/db`.
        name: Shown by `CLIENT LIST`.
        max_connections: Further callers wait for a free one, up to a second.
        timeout_seconds: For connecting, and for each command.
    """
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=1,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        client_name=name,
        decode_responses=True,
    )
    return Redis.from_pool(pool)


async def check_redis(redis: "Redis") -> None:
    """Raise when Redis does not answer."""
    await redis.ping()

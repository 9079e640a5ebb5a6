"""Redis connections with limits that keep a dead Redis from stopping us.

redis-py's defaults retry a command ten times and wait five seconds each; a black hole then costs
59 s a command, and one slow script was seen to run eleven times on the server. Here a command is
sent again only over a connection that turned out to be closed, and only once: after a restart of
Redis every kept connection is such a one, and would otherwise fail a command each.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

RedisUnavailableError = (RedisError, OSError, TimeoutError)
"""What a command raises when Redis is away; callers decide what to do without it."""

PAUSE_SECONDS: Final = 1.0
SIGNS_OF_ABSENCE: Final = (RedisConnectionError, RedisTimeoutError, OSError, TimeoutError)
"""What begins a pause; an error that Redis answers is none."""


class RedisPause:
    """Lets commands fail at once for a second after one has found Redis away.

    For callers that can do without Redis: while it is frozen each command would cost its time-out,
    and a request has several. Not for those to whom its answer is all, such as the workers' claims.

    Args:
        monotonic: Seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ends_at = float("-inf")

    def begin(self) -> None:
        """Redis was just found to be away."""
        self._ends_at = self._monotonic() + PAUSE_SECONDS

    def check(self) -> None:
        """Raise while the pause lasts.

        Raises:
            RedisConnectionError: As if the connection had failed.
        """
        if self._monotonic() < self._ends_at:
            msg = "Redis did not answer a moment ago"
            raise RedisConnectionError(msg)


class _PausingPool(BlockingConnectionPool):
    """Fails those who waited for a connection too, when Redis turned out to be away meanwhile."""

    pause: RedisPause

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        self.pause.check()
        await super().ensure_connection(connection)


class _PausingRedis(Redis):
    """Begins a pause, and fails while it lasts."""

    pause: RedisPause

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self.pause.check()
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except SIGNS_OF_ABSENCE:
            self.pause.begin()
            raise


def create_redis(
    url: str,
    *,
    name: str,
    max_connections: int = 20,
    timeout_seconds: float = 0.5,
    pause: RedisPause | None = None,
) -> "Redis":
    """A client that fails fast: one time-out for connecting and for answering, never retried.

    Args:
        url: `redis://[:password@]host:port/db`.
        name: Shown by `CLIENT LIST`.
        max_connections: Further callers wait for a free one, up to a second.
        timeout_seconds: For connecting, and for each command.
        pause: Lets commands fail at once after one has found Redis away; None: each tries anew.
    """
    pool_class = BlockingConnectionPool if pause is None else _PausingPool
    pool: BlockingConnectionPool = pool_class.from_url(
        url,
        max_connections=max_connections,
        timeout=1,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        client_name=name,
        decode_responses=True,
    )
    if pause is None:
        return Redis.from_pool(pool)
    assert isinstance(pool, _PausingPool)
    pool.pause = pause
    redis = _PausingRedis.from_pool(pool)
    assert isinstance(redis, _PausingRedis)
    redis.pause = pause
    return redis


async def check_redis(redis: "Redis") -> None:
    """Raise when Redis does not answer."""
    await redis.ping()

"""Real servers for these tests, by their addresses."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from servicekit.redis import create_redis
from servicekit.testing import server_url


@pytest.fixture(scope="session")
def amqp_url() -> str:
    return server_url("TEST_AMQP_URL")


@pytest.fixture(scope="session")
def redis_url() -> str:
    return server_url("TEST_REDIS_URL")


@pytest.fixture(scope="session")
async def redis(redis_url: str) -> AsyncIterator["Redis"]:
    client = create_redis(redis_url, name="delivery-tests", max_connections=50)
    yield client
    await client.aclose()

from uuid import UUID

import pytest
from redis.asyncio import Redis
from samples import new_api_key, new_user
from snapshots_suite import SnapshotsSuite
from structlog.testing import capture_logs

from contracts.access import ApiKeyRecord
from contracts.cache_keys import api_key_key, user_key
from contracts.user_snapshot import UserSnapshot
from servicekit.redis import create_redis
from servicekit.versioned_cache import VersionedCache
from user_service.adapters.redis_snapshots import RedisSnapshots
from user_service.domain.ports import Snapshots


class TestRedisSnapshots(SnapshotsSuite):
    @pytest.fixture(autouse=True)
    def snapshots(self, redis: "Redis") -> Snapshots:
        self.redis = redis
        return RedisSnapshots(redis)

    async def user(self, user_id: UUID) -> UserSnapshot | None:
        cached = await VersionedCache(self.redis, UserSnapshot).get(user_key(user_id))
        return cached.value if cached else None

    async def api_key(self, digest: str) -> ApiKeyRecord | None:
        cached = await VersionedCache(self.redis, ApiKeyRecord).get(api_key_key(digest))
        return cached.value if cached else None


async def test_a_key_is_honoured_for_ten_minutes_at_most(redis: "Redis") -> None:
    api_key = new_api_key()
    await RedisSnapshots(redis).store_api_key(api_key.digest, api_key.record())
    assert 590 < await redis.ttl(api_key_key(api_key.digest)) <= 600


async def test_without_redis_a_line_is_logged_and_nothing_fails(unused_tcp_port: int) -> None:
    redis = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="tests")
    snapshots = RedisSnapshots(redis)
    api_key = new_api_key()
    with capture_logs() as lines:
        await snapshots.store_user(new_user().snapshot())
        await snapshots.store_api_key(api_key.digest, api_key.record())
    await redis.aclose()
    assert [line["event"] for line in lines] == [
        "user_snapshot.not_cached",
        "api_key_record.not_cached",
    ]

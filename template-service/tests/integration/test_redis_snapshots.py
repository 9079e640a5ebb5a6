import pytest
from redis.asyncio import Redis
from samples import new_template
from snapshots_suite import Readable, SnapshotsSuite
from structlog.testing import capture_logs

from contracts.cache_keys import template_key
from contracts.template_snapshot import TemplateSnapshot
from servicekit.redis import create_redis
from servicekit.versioned_cache import VersionedCache
from template_service.adapters.redis_snapshots import RedisSnapshots


class TestRedisSnapshots(SnapshotsSuite):
    @pytest.fixture
    def readable(self, redis: "Redis") -> Readable:
        gateway_view = VersionedCache(redis, TemplateSnapshot)

        async def read(code: str) -> TemplateSnapshot | None:
            cached = await gateway_view.get(template_key(code))
            return cached.value if cached else None

        return Readable(RedisSnapshots(redis), read)


async def test_logs_a_warning_and_goes_on_where_redis_is_away(unused_tcp_port: int) -> None:
    redis = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="tests")
    snapshot = new_template().template.snapshot()
    with capture_logs() as lines:
        await RedisSnapshots(redis).store(snapshot)
    await redis.aclose()
    assert [(line["event"], line["code"], line["log_level"]) for line in lines] == [
        ("template_snapshot.not_cached", snapshot.code, "warning")
    ]

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from samples import new_suppression
from structlog.testing import capture_logs
from suppressed_addresses_suite import SuppressedAddressesSuite

from contracts.cache_keys import suppression_key
from contracts.suppression import SuppressionReason
from servicekit.redis import create_redis
from user_service.adapters.redis_suppressions import HELD, RedisSuppressions
from user_service.domain.suppression_ports import SuppressedAddresses


def now() -> datetime:
    return datetime.now(UTC)


class TestRedisSuppressions(SuppressedAddressesSuite):
    @pytest.fixture(autouse=True)
    def addresses(self, redis_apart: "Redis") -> SuppressedAddresses:
        self.redis = redis_apart
        return RedisSuppressions(redis_apart, now=now)

    async def reason(self, digest: str) -> SuppressionReason | None:
        held = await self.redis.get(suppression_key(digest))
        return None if held is None else SuppressionReason(str(held))

    async def forget(self) -> None:
        await self.redis.flushdb()


async def test_a_key_ends_with_its_suppression_and_within_a_week(redis_apart: "Redis") -> None:
    hour = timedelta(hours=1)
    ending = new_suppression(expires_at=now() + hour)
    others = [new_suppression(), new_suppression(expires_at=datetime.max.replace(tzinfo=UTC))]
    ended = new_suppression(expires_at=now() - hour)
    told = {one.address_digest: one for one in (ending, *others, ended)}
    assert await RedisSuppressions(redis_apart, now=now).tell(told)
    left = {digest: await redis_apart.ttl(suppression_key(digest)) for digest in told}
    assert 3590 < left[ending.address_digest] <= 3600
    for one in others:
        assert HELD.total_seconds() - 10 < left[one.address_digest] <= HELD.total_seconds()
    assert left[ended.address_digest] == -2  # there is no such key


async def test_without_redis_it_says_so_and_does_not_fail(unused_tcp_port: int) -> None:
    redis = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="tests")
    one = new_suppression()
    with capture_logs() as lines:
        addresses = RedisSuppressions(redis, now=now)
        assert not await addresses.tell({one.address_digest: one})
        await addresses.mark_begun()
        await addresses.mark_complete()
        assert not await addresses.is_complete()
    await redis.aclose()
    assert [line["event"] for line in lines] == [
        "suppressions.not_told",
        *["suppressions.not_marked"] * 2,
    ]

"""How every `ApiKeys` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from samples import LATER, new_api_key

from servicekit.authentication import digest_of
from user_service.domain.ports import ApiKeys


class ApiKeysSuite:
    async def test_finds_what_was_created(self, api_keys: ApiKeys) -> None:
        for api_key in (new_api_key(), new_api_key(rate_limit_per_minute=None, last_used_at=LATER)):
            await api_keys.create(api_key)
            assert await api_keys.find_by_digest(api_key.digest) == api_key

    async def test_finds_nothing_where_nothing_is(self, api_keys: ApiKeys) -> None:
        assert await api_keys.find_by_digest(digest_of("nothing")) is None
        assert await api_keys.revoke(uuid4()) is None

    async def test_lists_the_newest_first(self, api_keys: ApiKeys) -> None:
        start = datetime(2100, 1, 1, tzinfo=UTC)
        created = [new_api_key(created_at=start + timedelta(days=day)) for day in range(3)]
        for api_key in created:
            await api_keys.create(api_key)
        first, total = await api_keys.page(limit=2, offset=0)
        second, _ = await api_keys.page(limit=1, offset=2)
        assert [*first, *second] == created[::-1]
        assert total >= 3

    async def test_revoking_makes_one_new_version_however_often(self, api_keys: ApiKeys) -> None:
        api_key, other = new_api_key(), new_api_key()
        await api_keys.create(api_key)
        await api_keys.create(other)
        revoked = replace(api_key, is_active=False, version=2)
        assert (
            await asyncio.gather(*(api_keys.revoke(api_key.id) for _ in range(3))) == [revoked] * 3
        )
        assert await api_keys.find_by_digest(api_key.digest) == revoked
        assert await api_keys.find_by_digest(other.digest) == other

"""How every `ApiKeys` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from samples import LATER, new_api_key

from servicekit.authentication import digest_of
from user_service.domain.api_key import ApiKey
from user_service.domain.ports import ApiKeys


class ApiKeysSuite:
    async def test_finds_what_was_created(self, api_keys: ApiKeys) -> None:
        for api_key in (
            new_api_key(),
            new_api_key(rate_limit_per_minute=None, last_used_at=LATER, expires_at=LATER),
        ):
            await api_keys.create(api_key)
            assert await api_keys.find_by_digest(api_key.digest) == api_key

    async def test_finds_nothing_where_nothing_is(self, api_keys: ApiKeys) -> None:
        assert await api_keys.find_by_digest(digest_of("nothing")) is None
        assert await api_keys.change(uuid4(), ApiKey.revoked) is None

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
        changes = await asyncio.gather(
            *(api_keys.change(api_key.id, ApiKey.revoked) for _ in range(3))
        )
        assert sorted(before.version for before, _ in filter(None, changes)) == [1, 2, 2]
        assert [after for _, after in filter(None, changes)] == [revoked] * 3
        assert await api_keys.find_by_digest(api_key.digest) == revoked
        assert await api_keys.find_by_digest(other.digest) == other

    async def test_a_rotated_key_is_known_by_its_last_two_digests(self, api_keys: ApiKeys) -> None:
        first = new_api_key()
        await api_keys.create(first)

        async def rotate(key: str) -> ApiKey:
            changed = await api_keys.change(first.id, lambda one: one.rotated(key, LATER))
            assert changed is not None
            return changed[1]

        keys = [secrets.token_hex(), secrets.token_hex()]
        second = await rotate(keys[0])
        assert await api_keys.find_by_digest(digest_of(keys[0])) == second
        assert await api_keys.find_by_digest(first.digest) == second
        third = await rotate(keys[1])
        assert await api_keys.find_by_digest(digest_of(keys[1])) == third
        assert await api_keys.find_by_digest(digest_of(keys[0])) == third
        assert await api_keys.find_by_digest(first.digest) is None

    async def test_a_refused_decision_changes_nothing(self, api_keys: ApiKeys) -> None:
        api_key = new_api_key()
        await api_keys.create(api_key)

        def refuse(_: ApiKey) -> ApiKey:
            raise LookupError

        with pytest.raises(LookupError):
            await api_keys.change(api_key.id, refuse)
        assert await api_keys.find_by_digest(api_key.digest) == api_key

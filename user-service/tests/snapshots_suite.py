"""How every `Snapshots` behaves; inherited by the tests of the fake and of Redis."""

from abc import abstractmethod
from dataclasses import replace
from uuid import UUID

from samples import new_api_key, new_user

from contracts.access import ApiKeyRecord
from contracts.user_snapshot import UserSnapshot
from user_service.domain.ports import Snapshots


class SnapshotsSuite:
    @abstractmethod
    async def user(self, user_id: UUID) -> UserSnapshot | None: ...

    @abstractmethod
    async def api_key(self, digest: str) -> ApiKeyRecord | None: ...

    async def test_a_newer_user_replaces_an_older_one(self, snapshots: Snapshots) -> None:
        user = new_user(push_token="token")
        newer = replace(user, email_enabled=False, row_version=2)
        await snapshots.store_user(user.snapshot())
        assert await self.user(user.id) == user.snapshot()
        await snapshots.store_user(newer.snapshot())
        assert await self.user(user.id) == newer.snapshot()

    async def test_an_older_user_replaces_nothing(self, snapshots: Snapshots) -> None:
        user = new_user(row_version=2)
        await snapshots.store_user(user.snapshot())
        await snapshots.store_user(replace(user, name="Old", row_version=1).snapshot())
        assert await self.user(user.id) == user.snapshot()

    async def test_a_revoked_key_stays_revoked(self, snapshots: Snapshots) -> None:
        api_key = new_api_key()
        revoked = replace(api_key, is_active=False, version=2)
        await snapshots.store_api_key(api_key.digest, api_key.record())
        assert await self.api_key(api_key.digest) == api_key.record()
        await snapshots.store_api_key(api_key.digest, revoked.record())
        await snapshots.store_api_key(api_key.digest, api_key.record())
        assert await self.api_key(api_key.digest) == revoked.record()

"""API keys in memory; `ApiKeysSuite` shows that they behave as those in PostgreSQL do."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from user_service.domain.api_key import ApiKey


class FakeApiKeys:
    def __init__(self) -> None:
        self._api_keys: dict[UUID, ApiKey] = {}

    async def create(self, api_key: ApiKey) -> None:
        self._api_keys[api_key.id] = api_key

    async def find_by_digest(self, digest: str) -> ApiKey | None:
        return next((key for key in self._api_keys.values() if key.digest == digest), None)

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[ApiKey], int]:
        newest_first = sorted(
            self._api_keys.values(), key=lambda key: (key.created_at, key.id), reverse=True
        )
        return newest_first[offset : offset + limit], len(newest_first)

    async def revoke(self, key_id: UUID) -> ApiKey | None:
        api_key = self._api_keys.get(key_id)
        if api_key is None:
            return None
        if api_key.is_active:
            api_key = replace(api_key, is_active=False, version=api_key.version + 1)
            self._api_keys[key_id] = api_key
        return api_key

"""API keys in memory; `ApiKeysSuite` shows that they behave as those in PostgreSQL do."""

from collections.abc import Sequence
from uuid import UUID

from user_service.domain.api_key import ApiKey
from user_service.domain.ports import DecideApiKey


class FakeApiKeys:
    def __init__(self) -> None:
        self._api_keys: dict[UUID, ApiKey] = {}

    async def create(self, api_key: ApiKey) -> None:
        self._api_keys[api_key.id] = api_key

    async def find_by_digest(self, digest: str) -> ApiKey | None:
        return next((key for key in self._api_keys.values() if digest in key.digests), None)

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[ApiKey], int]:
        newest_first = sorted(
            self._api_keys.values(), key=lambda key: (key.created_at, key.id), reverse=True
        )
        return newest_first[offset : offset + limit], len(newest_first)

    async def change(self, key_id: UUID, decide: DecideApiKey) -> tuple[ApiKey, ApiKey] | None:
        before = self._api_keys.get(key_id)
        if before is None:
            return None
        after = self._api_keys[key_id] = decide(before)
        return before, after

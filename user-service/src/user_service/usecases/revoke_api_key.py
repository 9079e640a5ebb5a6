"""Revoke an API key."""

from uuid import UUID

from user_service.domain.api_key import ApiKey
from user_service.domain.errors import ApiKeyNotFoundError
from user_service.domain.ports import ApiKeys, Snapshots


class RevokeApiKey:
    """Ends a key, then tells all services, then answers: from then on it opens nothing."""

    def __init__(self, api_keys: ApiKeys, snapshots: Snapshots) -> None:
        self._api_keys = api_keys
        self._snapshots = snapshots

    async def __call__(self, key_id: UUID) -> ApiKey:
        """The revoked key; revoking it again changes nothing, but tells the services again.

        Raises:
            ApiKeyNotFoundError: There is no such key.
        """
        changed = await self._api_keys.change(key_id, ApiKey.revoked)
        if changed is None:
            raise ApiKeyNotFoundError
        api_key = changed[1]
        for digest in api_key.digests:
            await self._snapshots.store_api_key(digest, api_key.record(digest))
        return api_key

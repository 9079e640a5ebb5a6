"""Find out what is behind an API key, by its digest."""

from contracts.access import ApiKeyRecord
from user_service.domain.ports import ApiKeys


class FindApiKey:
    """Reads one key; what `servicekit.authentication` asks of this service for itself."""

    def __init__(self, api_keys: ApiKeys) -> None:
        self._api_keys = api_keys

    async def find(self, digest: str) -> ApiKeyRecord | None:
        """The key that is known by this SHA-256 (hex), active or not."""
        api_key = await self._api_keys.find_by_digest(digest)
        return None if api_key is None else api_key.record(digest)

"""List all API keys, page by page."""

from collections.abc import Sequence

from user_service.domain.api_key import ApiKey
from user_service.domain.ports import ApiKeys


class ListApiKeys:
    """Reads a page of keys."""

    def __init__(self, api_keys: ApiKeys) -> None:
        self._api_keys = api_keys

    async def __call__(self, *, limit: int, offset: int) -> tuple[Sequence[ApiKey], int]:
        """`limit` keys after `offset` others, newest first; and how many exist."""
        return await self._api_keys.page(limit=limit, offset=offset)

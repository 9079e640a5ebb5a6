"""Give an application its next API key, while the present one goes on for a while."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from user_service.domain.api_key import KEY_BYTES, ApiKey, spell_key
from user_service.domain.errors import ApiKeyEndedError, ApiKeyNotFoundError
from user_service.domain.ports import ApiKeys, Snapshots
from user_service.usecases.create_api_key import CreatedApiKey


class RotateApiKey:
    """Replaces a key, then tells all services, then answers.

    The application stays the same one: what it sent is its own, and its rate and its idempotency
    keys go on.
    """

    def __init__(
        self,
        api_keys: ApiKeys,
        snapshots: Snapshots,
        *,
        now: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._api_keys = api_keys
        self._snapshots = snapshots
        self._now = now
        self._random_bytes = random_bytes

    async def __call__(self, key_id: UUID, overlap: timedelta) -> CreatedApiKey:
        """The next key; this is the only time that it can be read.

        Args:
            key_id: Whose next key it is.
            overlap: So long the present key opens the same.

        Raises:
            ApiKeyNotFoundError: There is no such key.
            ApiKeyEndedError: It was revoked, or has expired.
        """
        key, now = spell_key(self._random_bytes(KEY_BYTES)), self._now()

        def decide(api_key: ApiKey) -> ApiKey:
            if not api_key.record().admits_at(now):
                raise ApiKeyEndedError
            return api_key.rotated(key, now + overlap)

        changed = await self._api_keys.change(key_id, decide)
        if changed is None:
            raise ApiKeyNotFoundError
        before, after = changed
        # Also the one that is forgotten now: services may still know it.
        for digest in before.digests | after.digests:
            await self._snapshots.store_api_key(digest, after.record(digest))
        return CreatedApiKey(after, key)

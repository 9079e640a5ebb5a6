"""Create an API key for an application."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts.access import Scope
from servicekit.authentication import digest_of
from user_service.domain.api_key import KEY_BYTES, ApiKey, prefix_of, spell_key
from user_service.domain.errors import ExpiryPassedError
from user_service.domain.ports import ApiKeys, Snapshots


@dataclass(frozen=True, slots=True)
class CreatedApiKey:
    """What is kept, and the key itself, which is not."""

    api_key: ApiKey
    key: str = field(repr=False)


class CreateApiKey:
    """Stores a key's digest, then tells all services, then answers."""

    def __init__(
        self,
        api_keys: ApiKeys,
        snapshots: Snapshots,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._api_keys = api_keys
        self._snapshots = snapshots
        self._now = now
        self._new_id = new_id
        self._random_bytes = random_bytes

    async def __call__(
        self,
        *,
        name: str,
        scopes: frozenset[Scope],
        rate_limit_per_minute: int | None,
        expires_at: datetime | None = None,
        by: str,
    ) -> CreatedApiKey:
        """The new key; this is the only time that it can be read.

        Args:
            name: For people.
            scopes: What the application may do.
            rate_limit_per_minute: None: no limit.
            expires_at: None: it does not end by itself.
            by: The caller who creates it.

        Raises:
            ExpiryPassedError: It would have ended already.
        """
        now = self._now()
        if expires_at is not None and expires_at <= now:
            raise ExpiryPassedError
        key = spell_key(self._random_bytes(KEY_BYTES))
        api_key = ApiKey(
            id=self._new_id(),
            name=name,
            prefix=prefix_of(key),
            digest=digest_of(key),
            scopes=scopes,
            rate_limit_per_minute=rate_limit_per_minute,
            is_active=True,
            version=1,
            created_by=by,
            created_at=now,
            last_used_at=None,
            expires_at=expires_at,
        )
        await self._api_keys.create(api_key)
        await self._snapshots.store_api_key(api_key.digest, api_key.record())
        return CreatedApiKey(api_key, key)

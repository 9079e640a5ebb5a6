"""API keys of applications: 256 random bits, of which only the digest is kept."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.access import ApiKeyRecord, Scope

KEY_BYTES: Final = 32
_LIVE: Final = "nk_live_"
_PREFIX_LENGTH: Final = len(_LIVE) + 4  # 24 of 256 bits are shown, enough to tell keys apart


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept; `digest` is its SHA-256 in hex, `prefix` its first characters."""

    id: UUID
    name: str
    prefix: str
    digest: str
    scopes: frozenset[Scope]
    rate_limit_per_minute: int | None
    is_active: bool
    version: int
    created_by: str
    created_at: datetime
    last_used_at: datetime | None

    def record(self) -> ApiKeyRecord:
        """What every service may know of it."""
        return ApiKeyRecord(
            id=self.id,
            name=self.name,
            version=self.version,
            scopes=self.scopes,
            is_active=self.is_active,
            rate_limit_per_minute=self.rate_limit_per_minute,
        )


def spell_key(random: bytes) -> str:
    """The key as its application sends it: `nk_live_` and `KEY_BYTES` random bytes, base64url."""
    return _LIVE + base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def prefix_of(key: str) -> str:
    """The part of a key that may be shown for ever."""
    return key[:_PREFIX_LENGTH]

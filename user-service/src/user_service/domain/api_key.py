"""API keys of applications: 256 random bits, of which only the digest is kept."""

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.access import ApiKeyRecord, Scope
from servicekit.authentication import digest_of

KEY_BYTES: Final = 32
_LIVE: Final = "nk_live_"
_PREFIX_LENGTH: Final = len(_LIVE) + 4  # 24 of 256 bits are shown, enough to tell keys apart


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept.

    Attributes:
        prefix: Its first characters.
        digest: Its SHA-256 in hex.
        expires_at: When it ends by itself; None: never.
        previous_digest: Of the key before the last rotation, which still opens the same.
        previous_expires_at: Until then.
    """

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
    expires_at: datetime | None = None
    previous_digest: str | None = None
    previous_expires_at: datetime | None = None

    @property
    def digests(self) -> frozenset[str]:
        """Those that it is known by."""
        both = (self.digest, self.previous_digest)
        return frozenset(digest for digest in both if digest is not None)

    def record(self, digest: str | None = None) -> ApiKeyRecord:
        """What every service may know of it.

        Args:
            digest: By which it is looked for; None: the present one. One that it was known by
                before opens nothing.
        """
        digest = digest or self.digest
        expiries = [self.expires_at]
        if digest == self.previous_digest:
            expiries.append(self.previous_expires_at)
        return ApiKeyRecord(
            id=self.id,
            name=self.name,
            version=self.version,
            scopes=self.scopes,
            is_active=self.is_active and digest in self.digests,
            rate_limit_per_minute=self.rate_limit_per_minute,
            expires_at=min((one for one in expiries if one is not None), default=None),
        )

    def revoked(self) -> "ApiKey":
        """The key, ended in its next version; one that has ended already as it is."""
        if not self.is_active:
            return self
        return replace(self, is_active=False, version=self.version + 1)

    def rotated(self, key: str, overlap_until: datetime) -> "ApiKey":
        """The same application's next key; the present one opens the same until then.

        What was before the present one opens nothing any more.
        """
        return replace(
            self,
            prefix=prefix_of(key),
            digest=digest_of(key),
            previous_digest=self.digest,
            previous_expires_at=overlap_until,
            version=self.version + 1,
        )


def spell_key(random: bytes) -> str:
    """The key as its application sends it: `nk_live_` and `KEY_BYTES` random bytes, base64url."""
    return _LIVE + base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def prefix_of(key: str) -> str:
    """The part of a key that may be shown for ever."""
    return key[:_PREFIX_LENGTH]

"""Suppressions in memory; `SuppressionsSuite` shows that they behave as those in PostgreSQL do."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from fake_users import FakeUsers

from user_service.domain.suppression import Suppression
from user_service.domain.suppression_ports import DecideSuppression, SuppressionChange


class FakeSuppressions:
    def __init__(self, users: FakeUsers) -> None:
        self._users = users
        self._held = users.suppressions

    async def change(self, digest: str, decide: DecideSuppression) -> SuppressionChange:
        before = self._held.get(digest)
        after = decide(before)
        if after is not None:
            self._held[digest] = after
        elif before is not None:
            del self._held[digest]
        if after != before:
            self._users.raise_versions(digest)
        return SuppressionChange(before, after, self._users.owners(digest))

    async def find(self, digests: Collection[str]) -> Mapping[str, Suppression]:
        return {digest: self._held[digest] for digest in digests if digest in self._held}

    async def page(
        self, now: datetime, *, limit: int, offset: int
    ) -> tuple[Sequence[Suppression], int]:
        counting = sorted(
            (one for one in self._held.values() if one.is_in_force(now)),
            key=lambda one: (one.created_at, one.address_digest),
            reverse=True,
        )
        return counting[offset : offset + limit], len(counting)

    async def digests(self, *, after: str, limit: int) -> Sequence[str]:
        return [digest for digest in sorted(self._held) if digest > after][:limit]

    async def expired(self, now: datetime, *, limit: int) -> Sequence[str]:
        return [
            digest
            for digest, one in self._held.items()
            if one.lifted_at is None and one.has_expired(now)
        ][:limit]

    async def forget_lifted(self, before: datetime) -> int:
        forgotten = [
            digest
            for digest, one in self._held.items()
            if one.lifted_at is not None and one.lifted_at < before
        ]
        for digest in forgotten:
            del self._held[digest]
        return len(forgotten)

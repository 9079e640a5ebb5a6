"""Users in memory; `UsersSuite` shows that they behave as those in PostgreSQL do."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from samples import email_digest

from user_service.domain.errors import EmailTakenError
from user_service.domain.ports import DecideUser
from user_service.domain.suppression import Suppression
from user_service.domain.user import User


class FakeUsers:
    """`suppressions` says which addresses are suppressed; `FakeSuppressions` fills it."""

    def __init__(self, *users: User) -> None:
        self._users = {user.id: user for user in users}
        self.suppressions: dict[str, Suppression] = {}

    async def create(self, user: User) -> User:
        self._refuse_taken(user)
        self._users[user.id] = user
        return self._shown(user)

    async def find(self, user_id: UUID) -> User | None:
        user = self._users.get(user_id)
        return None if user is None else self._shown(user)

    async def find_many(self, user_ids: Collection[UUID]) -> Sequence[User]:
        return [self._shown(self._users[one]) for one in set(user_ids) & self._users.keys()]

    async def find_by_email(self, email: str) -> User | None:
        same = (user for user in self._users.values() if user.email.lower() == email.lower())
        return next(map(self._shown, same), None)

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[User], int]:
        newest_first = sorted(
            self._users.values(), key=lambda user: (user.created_at, user.id), reverse=True
        )
        shown = [self._shown(user) for user in newest_first[offset : offset + limit]]
        return shown, len(newest_first)

    async def change(self, user_id: UUID, decide: DecideUser) -> User | None:
        before = self._users.get(user_id)
        if before is None:
            return None
        after = decide(self._shown(before))
        self._refuse_taken(after)
        self._users[user_id] = after
        return self._shown(after)

    def raise_versions(self, digest: str) -> None:
        for user in self._of(digest):
            self._users[user.id] = replace(user, row_version=user.row_version + 1)

    def owners(self, digest: str) -> Sequence[User]:
        return [self._shown(user) for user in self._of(digest)]

    def _of(self, digest: str) -> Iterable[User]:
        return [user for user in self._users.values() if email_digest(user.email) == digest]

    def _shown(self, user: User) -> User:
        held = self.suppressions.get(email_digest(user.email))
        counts = held is not None and held.is_in_force(datetime.now(UTC))
        return replace(user, email_suppressed=held.reason if held and counts else None)

    def _refuse_taken(self, user: User) -> None:
        for other in self._users.values():
            if other.id != user.id and other.email.lower() == user.email.lower():
                raise EmailTakenError

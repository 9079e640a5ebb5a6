"""Users in memory; `UsersSuite` shows that they behave as those in PostgreSQL do."""

from collections.abc import Sequence
from uuid import UUID

from user_service.domain.errors import EmailTakenError
from user_service.domain.ports import DecideUser
from user_service.domain.user import User


class FakeUsers:
    def __init__(self, *users: User) -> None:
        self._users = {user.id: user for user in users}

    async def create(self, user: User) -> None:
        self._refuse_taken(user)
        self._users[user.id] = user

    async def find(self, user_id: UUID) -> User | None:
        return self._users.get(user_id)

    async def find_by_email(self, email: str) -> User | None:
        same = (user for user in self._users.values() if user.email.lower() == email.lower())
        return next(same, None)

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[User], int]:
        newest_first = sorted(
            self._users.values(), key=lambda user: (user.created_at, user.id), reverse=True
        )
        return newest_first[offset : offset + limit], len(newest_first)

    async def change(self, user_id: UUID, decide: DecideUser) -> User | None:
        before = self._users.get(user_id)
        if before is None:
            return None
        after = decide(before)
        self._refuse_taken(after)
        self._users[user_id] = after
        return after

    def _refuse_taken(self, user: User) -> None:
        for other in self._users.values():
            if other.id != user.id and other.email.lower() == user.email.lower():
                raise EmailTakenError

"""Look at many users at once."""

from collections.abc import Collection, Sequence
from uuid import UUID

from user_service.domain.ports import Users
from user_service.domain.user import User


class GetUsers:
    """Reads users."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def __call__(self, user_ids: Collection[UUID]) -> Sequence[User]:
        """Those that exist, each once and in no order."""
        return await self._users.find_many(user_ids)

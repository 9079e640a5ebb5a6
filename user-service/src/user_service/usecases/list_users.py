"""List all users, page by page."""

from collections.abc import Sequence

from user_service.domain.ports import Users
from user_service.domain.user import User


class ListUsers:
    """Reads a page of users."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def __call__(self, *, limit: int, offset: int) -> tuple[Sequence[User], int]:
        """`limit` users after `offset` others, newest first; and how many exist."""
        return await self._users.page(limit=limit, offset=offset)

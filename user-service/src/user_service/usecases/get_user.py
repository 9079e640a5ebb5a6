"""Look at a user."""

from uuid import UUID

from user_service.domain.errors import UserNotFoundError
from user_service.domain.ports import Users
from user_service.domain.user import User


class GetUser:
    """Reads one user."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def __call__(self, user_id: UUID) -> User:
        """The user.

        Raises:
            UserNotFoundError: There is no such user.
        """
        user = await self._users.find(user_id)
        if user is None:
            raise UserNotFoundError
        return user

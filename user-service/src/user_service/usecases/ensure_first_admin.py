"""Make sure that there is an administrator to begin with."""

from contracts.access import Role
from servicekit.logs import get_logger
from user_service.domain.errors import EmailTakenError
from user_service.domain.ports import Users
from user_service.domain.user import User
from user_service.usecases.create_user import CreateUser, NewUser

_log = get_logger(__name__)
_NAME = "Administrator"


class EnsureFirstAdmin:
    """Creates the administrator whom the environment names; never changes an existing user."""

    def __init__(self, users: Users, create_user: CreateUser) -> None:
        self._users = users
        self._create_user = create_user

    async def __call__(self, email: str, password: str) -> None:
        """Create them, unless a user has the address; replicas may do so at the same time."""
        existing = await self._users.find_by_email(email)
        if existing is not None:
            _warn_if_powerless(existing)
            return
        try:
            admin = await self._create_user(
                NewUser(name=_NAME, email=email, password=password), role=Role.ADMIN
            )
        except EmailTakenError:
            return  # another replica was faster
        _log.info("first_admin.created", user_id=str(admin.id))


def _warn_if_powerless(user: User) -> None:
    if user.role is not Role.ADMIN or not user.is_active:
        _log.warning(
            "first_admin.address_belongs_to_another",
            user_id=str(user.id),
            hint="ADMIN_EMAIL names a user who is no active administrator; name another address.",
        )

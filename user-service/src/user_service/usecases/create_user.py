"""Create a user."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts.access import Role
from user_service.domain.ports import Passwords, Snapshots, Users
from user_service.domain.user import User


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a caller says of a user who is to be; without a password they cannot sign in."""

    name: str
    email: str
    password: str | None = field(default=None, repr=False)
    push_token: str | None = field(default=None, repr=False)
    email_enabled: bool = True
    push_enabled: bool = True
    language: str = "en"
    timezone: str = "UTC"


class CreateUser:
    """Stores a user, then tells the gateway, then answers."""

    def __init__(
        self,
        users: Users,
        passwords: Passwords,
        snapshots: Snapshots,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._snapshots = snapshots
        self._now = now
        self._new_id = new_id

    async def __call__(self, new: NewUser, *, role: Role = Role.USER) -> User:
        """The user as they were stored.

        Args:
            new: What the caller says.
            role: Never from a request.

        Raises:
            EmailTakenError: Another user has the address.
        """
        # Outside the transaction: hashing takes longer than all the rest.
        hashed = None if new.password is None else await self._passwords.hash(new.password)
        now = self._now()
        user = User(
            id=self._new_id(),
            email=new.email,
            name=new.name,
            password_hash=hashed,
            role=role,
            is_active=True,
            language=new.language,
            timezone=new.timezone,
            email_enabled=new.email_enabled,
            push_enabled=new.push_enabled,
            push_token=new.push_token,
            category_choices={},
            quiet_hours=None,
            row_version=1,
            created_at=now,
            updated_at=now,
        )
        user = await self._users.create(user)
        await self._snapshots.store_user(user.snapshot())
        return user

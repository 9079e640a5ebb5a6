"""Change a user, within what the caller may change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from contracts.access import Role
from servicekit.access import CallerKind, Principal
from servicekit.errors import ForbiddenError
from user_service.domain.errors import UserNotFoundError
from user_service.domain.ports import Passwords, Snapshots, Users
from user_service.domain.user import User
from user_service.domain.user_changes import UNSET, UserChanges
from user_service.usecases.sessions import KeepSignedIn


class UpdateUser:
    """Stores the changes, then tells the gateway, then answers."""

    def __init__(
        self,
        users: Users,
        passwords: Passwords,
        snapshots: Snapshots,
        keep_signed_in: KeepSignedIn,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._snapshots = snapshots
        self._keep_signed_in = keep_signed_in
        self._now = now

    async def __call__(
        self, user_id: UUID, changes: UserChanges, *, password: str | None = None, by: Principal
    ) -> User:
        """The user as they are now.

        Args:
            user_id: Whom to change.
            changes: What to change.
            password: A new one, if there is one.
            by: Who asks; a signed-in user must be the one who is changed. A new password, or being
                made inactive, ends all their sessions.

        Raises:
            UserNotFoundError: There is no such user.
            ForbiddenError: The caller may not change that.
            EmailTakenError: Another user has the new address.
        """
        if password is not None:
            changes = replace(changes, password_hash=await self._passwords.hash(password))

        def decide(user: User) -> User:
            _refuse_overreach(by, user, changes)
            return changes.apply_to(user, self._now())

        user = await self._users.change(user_id, decide)
        if user is None:
            raise UserNotFoundError
        await self._snapshots.store_user(user.snapshot())
        if password is not None or not user.is_active:
            await self._keep_signed_in.end_all(user_id)
        return user


def _refuse_overreach(by: Principal, user: User, changes: UserChanges) -> None:
    if by.is_admin:
        return
    if by.kind is CallerKind.USER:
        if changes.is_active is not UNSET:
            msg = "Only applications and administrators change is_active."
            raise ForbiddenError(msg)
    elif user.role is Role.ADMIN:
        # Else any application that may write users could set an administrator's password, and
        # so become one.
        msg = "Changing an administrator needs an administrator."
        raise ForbiddenError(msg)

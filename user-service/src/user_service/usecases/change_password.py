"""Change one's own password."""

from uuid import UUID

from contracts.envelope import ErrorDetail
from servicekit.access import Principal
from servicekit.errors import UnprocessableContentError
from user_service.domain.errors import UserNotFoundError
from user_service.domain.ports import Passwords, Users
from user_service.domain.user_changes import UserChanges
from user_service.usecases.sessions import KeepSignedIn, SignedIn
from user_service.usecases.update_user import UpdateUser


class ChangePassword:
    """Replaces a password by who knows the present one; all sessions end, and a new one begins."""

    def __init__(
        self,
        users: Users,
        passwords: Passwords,
        update_user: UpdateUser,
        keep_signed_in: KeepSignedIn,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._update_user = update_user
        self._keep_signed_in = keep_signed_in

    async def __call__(self, user_id: UUID, *, present: str, new: str, by: Principal) -> SignedIn:
        """The tokens of the session that begins.

        Raises:
            UserNotFoundError: There is no such user any more.
            UnprocessableContentError: The present password is another one.
        """
        user = await self._users.find(user_id)
        if user is None or not user.is_active:
            raise UserNotFoundError
        if not await self._passwords.verify(present, user.password_hash):
            message = "This is not the present password."
            detail = ErrorDetail(field="current_password", code="wrong_password", message=message)
            raise UnprocessableContentError(message, details=[detail])
        user = await self._update_user(user_id, UserChanges(), password=new, by=by)
        return await self._keep_signed_in.begin(user)

"""Sign in with an e-mail address and a password."""

from user_service.domain.email_address import canonical_email
from user_service.domain.errors import InvalidCredentialsError
from user_service.domain.ports import Passwords, Users
from user_service.domain.user import User
from user_service.usecases.sessions import KeepSignedIn, SignedIn


class SignIn:
    """Exchanges credentials for a session.

    Every refusal costs one hash, so that time does not tell which addresses are known.
    """

    def __init__(self, users: Users, passwords: Passwords, keep_signed_in: KeepSignedIn) -> None:
        self._users = users
        self._passwords = passwords
        self._keep_signed_in = keep_signed_in

    async def __call__(self, email: str, password: str) -> SignedIn:
        """The session's first tokens.

        Raises:
            InvalidCredentialsError: Unknown address, wrong password, no password, or inactive.
        """
        user = await self._find(email)
        hashed = None if user is None else user.password_hash
        is_right = await self._passwords.verify(password, hashed)
        if user is None or not is_right or not user.is_active:
            raise InvalidCredentialsError
        return await self._keep_signed_in.begin(user)

    async def _find(self, email: str) -> User | None:
        try:
            address = canonical_email(email)
        except ValueError:  # what is not an address is nobody's; no more is said of it
            return None
        return await self._users.find_by_email(address)

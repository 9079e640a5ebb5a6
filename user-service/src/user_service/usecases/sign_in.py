"""Sign in with an e-mail address and a password."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from user_service.domain.email_address import canonical_email
from user_service.domain.errors import InvalidCredentialsError
from user_service.domain.ports import AccessToken, Passwords, TokenIssuer, Users
from user_service.domain.user import User


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in, and the token they go on with."""

    user: User
    access: AccessToken


class SignIn:
    """Exchanges credentials for an access token.

    Every refusal costs one hash, so that time does not tell which addresses are known.
    """

    def __init__(
        self,
        users: Users,
        passwords: Passwords,
        issuer: TokenIssuer,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._issuer = issuer
        self._now = now

    async def __call__(self, email: str, password: str) -> SignedIn:
        """A token for the user.

        Raises:
            InvalidCredentialsError: Unknown address, wrong password, no password, or inactive.
        """
        user = await self._find(email)
        hashed = None if user is None else user.password_hash
        is_right = await self._passwords.verify(password, hashed)
        if user is None or not is_right or not user.is_active:
            raise InvalidCredentialsError
        return SignedIn(user, self._issuer.issue(user, self._now()))

    async def _find(self, email: str) -> User | None:
        try:
            address = canonical_email(email)
        except ValueError:  # what is not an address is nobody's; no more is said of it
            return None
        return await self._users.find_by_email(address)

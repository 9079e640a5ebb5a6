"""Begin a session, go on with it, end it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from servicekit.authentication import digest_of
from servicekit.logs import get_logger
from user_service.domain.errors import RefreshTokenError
from user_service.domain.ports import AccessToken, TokenIssuer, Users
from user_service.domain.session import (
    LIFETIME,
    SECRET_BYTES,
    RefreshToken,
    Session,
    session_of,
    spell_token,
)
from user_service.domain.session_ports import Sessions
from user_service.domain.user import User

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, the token they show, and the one by which they get the next."""

    user: User
    access: AccessToken
    refresh: RefreshToken


class KeepSignedIn:
    """Begins sessions, and continues them.

    Args:
        users: Who they are.
        sessions: Where they are kept.
        issuer: Signs access tokens.
        now: The time, in UTC.
        new_id: A fresh id.
        random_bytes: So many.
    """

    def __init__(
        self,
        users: Users,
        sessions: Sessions,
        issuer: TokenIssuer,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._issuer = issuer
        self._now = now
        self._new_id = new_id
        self._random_bytes = random_bytes

    async def begin(self, user: User) -> SignedIn:
        """A new session of a user who has shown who they are."""
        now, session_id = self._now(), self._new_id()
        token = self._next_token(session_id)
        session = Session(session_id, user.id, digest_of(token), now, now + LIFETIME)
        await self._sessions.create(session)
        return self._signed_in(user, token, now)

    async def go_on(self, shown: str) -> SignedIn:
        """The next tokens of a session; the one that was shown is used up.

        Raises:
            RefreshTokenError: It is no token, was used before, or its session is over. In the
                second case the session is over from now on.
        """
        session_id = session_of(shown)
        if session_id is None:
            raise RefreshTokenError
        now, token = self._now(), self._next_token(session_id)
        found: list[Session] = []

        def decide(session: Session) -> Session | None:
            found.append(session)
            return session.continued(shown, token, now)

        session = await self._sessions.change(session_id, decide)
        if session is None:
            if found and now < found[0].expires_at:
                _log.warning("session.token_reused", user_id=str(found[0].user_id))
            raise RefreshTokenError
        user = await self._users.find(session.user_id)
        if user is None or not user.is_active:
            await self._sessions.end_all(session.user_id)
            raise RefreshTokenError
        return self._signed_in(user, token, now)

    async def end(self, shown: str) -> None:
        """End the session of a token, also of one that was used up; anything else is nothing."""
        session_id = session_of(shown)
        if session_id is not None:
            await self._sessions.change(session_id, lambda _: None)

    async def end_all(self, user_id: UUID) -> None:
        """End all sessions of a user: what they showed who they are by counts no more."""
        if ended := await self._sessions.end_all(user_id):
            _log.info("session.all_ended", user_id=str(user_id), sessions=ended)

    def _next_token(self, session_id: UUID) -> str:
        return spell_token(session_id, self._random_bytes(SECRET_BYTES))

    def _signed_in(self, user: User, token: str, now: datetime) -> SignedIn:
        return SignedIn(user, self._issuer.issue(user, now), RefreshToken(token))

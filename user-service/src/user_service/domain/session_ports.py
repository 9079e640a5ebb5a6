"""What the use cases need to keep people signed in."""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from user_service.domain.session import Session

DecideSession = Callable[[Session], Session | None]
"""What a session becomes; None: it is over. Pure: the session is locked meanwhile."""


class Sessions(Protocol):
    """Where sessions are kept. Each method is one transaction."""

    async def create(self, session: Session) -> None:
        """Store a session; of the user's others the oldest beyond `MOST_SESSIONS` are forgotten."""
        ...

    async def change(self, session_id: UUID, decide: DecideSession) -> Session | None:
        """Store what is decided; other changes of the same session wait meanwhile.

        Returns:
            The session as it is now; None: it is over, or there was none.
        """
        ...

    async def end_all(self, user_id: UUID) -> int:
        """End all sessions of a user; tells how many there were."""
        ...

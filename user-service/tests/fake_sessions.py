"""Sessions in memory; `SessionsSuite` shows that they behave as those in PostgreSQL do."""

from uuid import UUID

from user_service.domain.session import MOST_SESSIONS, Session
from user_service.domain.session_ports import DecideSession


class FakeSessions:
    def __init__(self) -> None:
        self._sessions: dict[UUID, Session] = {}

    async def create(self, session: Session) -> None:
        self._sessions[session.id] = session
        newest_first = sorted(
            self._of(session.user_id), key=lambda one: (one.created_at, one.id), reverse=True
        )
        for one in newest_first[MOST_SESSIONS:]:
            del self._sessions[one.id]

    async def change(self, session_id: UUID, decide: DecideSession) -> Session | None:
        before = self._sessions.get(session_id)
        if before is None:
            return None
        after = decide(before)
        if after is None:
            del self._sessions[session_id]
        else:
            self._sessions[session_id] = after
        return after

    async def end_all(self, user_id: UUID) -> int:
        ended = self._of(user_id)
        for one in ended:
            del self._sessions[one.id]
        return len(ended)

    def _of(self, user_id: UUID) -> list[Session]:
        return [one for one in self._sessions.values() if one.user_id == user_id]

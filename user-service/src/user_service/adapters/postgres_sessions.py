"""Sessions in PostgreSQL; one that is over is not kept."""

from dataclasses import asdict
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from servicekit.database import Database
from user_service.adapters.tables import sessions
from user_service.domain.session import MOST_SESSIONS, Session
from user_service.domain.session_ports import DecideSession


class PostgresSessions:
    """The port `Sessions` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, session: Session) -> None:
        """Store a session, and forget the user's oldest beyond `MOST_SESSIONS`."""
        of_user = sessions.c.user_id == session.user_id
        kept = (
            select(sessions.c.id)
            .where(of_user)
            .order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
            .limit(MOST_SESSIONS)
        )
        async with self._database.transaction() as connection:
            await connection.execute(insert(sessions).values(asdict(session)))
            await connection.execute(delete(sessions).where(of_user, sessions.c.id.not_in(kept)))

    async def change(self, session_id: UUID, decide: DecideSession) -> Session | None:
        """Store what is decided, under a lock of the row."""
        this = sessions.c.id == session_id
        async with self._database.transaction() as connection:
            locked = await connection.execute(select(sessions).where(this).with_for_update())
            row = locked.mappings().first()
            if row is None:
                return None
            after = decide(Session(**row))
            if after is None:
                await connection.execute(delete(sessions).where(this))
            else:
                await connection.execute(update(sessions).where(this).values(asdict(after)))
            return after

    async def end_all(self, user_id: UUID) -> int:
        """End all sessions of a user; tells how many there were."""
        async with self._database.transaction() as connection:
            ended = await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
            return ended.rowcount

"""Users in PostgreSQL. An index on `lower(email)` decides who has an address, not a look before."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from servicekit.counting import count_rows
from servicekit.database import Database
from user_service.adapters.rows import user_of, user_values
from user_service.adapters.tables import email_index, users
from user_service.domain.errors import EmailTakenError
from user_service.domain.ports import DecideUser
from user_service.domain.user import User


class PostgresUsers:
    """The port `Users` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, user: User) -> None:
        """Store a user; raises EmailTakenError."""
        async with self._database.transaction() as connection:
            inserted = await connection.execute(
                insert(users)
                .values(user_values(user))
                .on_conflict_do_nothing(index_elements=[func.lower(users.c.email)])
                .returning(users.c.id)
            )
            if inserted.first() is None:
                raise EmailTakenError

    async def find(self, user_id: UUID) -> User | None:
        """The user with this id."""
        async with self._database.transaction() as connection:
            result = await connection.execute(select(users).where(users.c.id == user_id))
            row = result.mappings().first()
        return None if row is None else user_of(row)

    async def find_by_email(self, email: str) -> User | None:
        """The user with this address, in whatever case."""
        query = select(users).where(func.lower(users.c.email) == func.lower(email))
        async with self._database.transaction() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else user_of(row)

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[User], int]:
        """Users, newest first; and how many exist, exact up to 10,000."""
        query = (
            select(users)
            .order_by(users.c.created_at.desc(), users.c.id.desc())
            .limit(limit)
            .offset(offset)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).mappings().all()
            total = await count_rows(connection, users)
        return [user_of(row) for row in rows], total

    async def change(self, user_id: UUID, decide: DecideUser) -> User | None:
        """Store what is decided, under a lock of the row; raises EmailTakenError."""
        locked = select(users).where(users.c.id == user_id).with_for_update()
        try:
            async with self._database.transaction() as connection:
                row = (await connection.execute(locked)).mappings().first()
                if row is None:
                    return None
                before = user_of(row)
                after = decide(before)
                if after != before:
                    await connection.execute(
                        update(users).where(users.c.id == user_id).values(user_values(after))
                    )
                return after
        except IntegrityError as error:
            if str(email_index.name) in str(error.orig):
                raise EmailTakenError from error
            raise

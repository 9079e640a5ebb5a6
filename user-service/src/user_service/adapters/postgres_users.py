"""Users in PostgreSQL. An index on `lower(email)` decides who has an address, not a look before."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Uuid, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.counting import count_rows
from servicekit.database import Database
from user_service.adapters.rows import user_of, user_values
from user_service.adapters.suppressed_users import (
    lock_addresses,
    select_users,
    suppression_of,
)
from user_service.adapters.tables import email_index, users
from user_service.domain.errors import EmailTakenError
from user_service.domain.ports import DecideUser
from user_service.domain.user import User


class PostgresUsers:
    """The port `Users` on one database.

    Args:
        database: Where users are.
        email_digest: The digest of an e-mail address.
    """

    def __init__(self, database: Database, email_digest: Callable[[str], str]) -> None:
        self._database = database
        self._email_digest = email_digest

    async def create(self, user: User) -> User:
        """Store a user; raises EmailTakenError."""
        digest = self._email_digest(user.email)
        async with self._database.transaction() as connection:
            await lock_addresses(connection, digest)
            inserted = await connection.execute(
                insert(users)
                .values(user_values(user, digest))
                .on_conflict_do_nothing(index_elements=[func.lower(users.c.email)])
                .returning(users.c.id)
            )
            if inserted.first() is None:
                raise EmailTakenError
            return replace(user, email_suppressed=await suppression_of(connection, digest))

    async def find(self, user_id: UUID) -> User | None:
        """The user with this id."""
        async with self._database.transaction() as connection:
            result = await connection.execute(select_users().where(users.c.id == user_id))
            row = result.mappings().first()
        return None if row is None else user_of(row)

    async def find_many(self, user_ids: Collection[UUID]) -> Sequence[User]:
        """The users with these ids, each once and in no order; who does not exist is left out."""
        query = select_users().where(users.c.id == any_(literal([*user_ids], ARRAY(Uuid))))
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [user_of(row) for row in rows]

    async def find_by_email(self, email: str) -> User | None:
        """The user with this address, in whatever case."""
        query = select_users().where(func.lower(users.c.email) == func.lower(email))
        async with self._database.transaction() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else user_of(row)

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[User], int]:
        """Users, newest first; and how many exist, exact up to 10,000."""
        query = (
            select_users()
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
        try:
            async with self._database.transaction() as connection:
                before, digest = await _lock(connection, user_id)
                if before is None:
                    return None
                after = decide(before)
                if after == before:
                    return before
                return await self._store(connection, after, digest)
        except IntegrityError as error:
            if str(email_index.name) in str(error.orig):
                raise EmailTakenError from error
            raise

    async def _store(
        self, connection: AsyncConnection, user: User, held_digest: str | None
    ) -> User:
        digest = self._email_digest(user.email)
        if digest != held_digest:
            await lock_addresses(connection, digest)
        await connection.execute(
            update(users).where(users.c.id == user.id).values(user_values(user, digest))
        )
        return replace(user, email_suppressed=await suppression_of(connection, digest))


async def _lock(connection: AsyncConnection, user_id: UUID) -> tuple[User | None, str | None]:
    """The user and their digest, locked.

    Two statements: what a row is joined to, PostgreSQL reads as of before it waited for the lock.
    """
    locked = select(users.c.email_digest).where(users.c.id == user_id).with_for_update()
    digest = (await connection.execute(locked)).first()
    if digest is None:
        return None, None
    row = (await connection.execute(select_users().where(users.c.id == user_id))).mappings().one()
    return user_of(row), digest[0]

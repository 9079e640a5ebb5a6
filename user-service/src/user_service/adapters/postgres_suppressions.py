"""Suppressions in PostgreSQL, and with them the row versions of the users whom they concern."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.counting import COUNTED
from servicekit.database import Database
from user_service.adapters.rows import suppression_of_row, suppression_values, user_of
from user_service.adapters.suppressed_users import in_force, lock_addresses, select_users
from user_service.adapters.tables import suppressions, users
from user_service.domain.suppression import Suppression
from user_service.domain.suppression_ports import DecideSuppression, SuppressionChange


class PostgresSuppressions:
    """The port `Suppressions` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, digest: str, decide: DecideSuppression) -> SuppressionChange:
        """Keep what is decided, under a lock of the address."""
        async with self._database.transaction() as connection:
            await lock_addresses(connection, digest)
            query = select(suppressions).where(suppressions.c.address_digest == digest)
            row = (await connection.execute(query)).mappings().first()
            before = None if row is None else suppression_of_row(row)
            after = decide(before)
            if after != before:
                await _store(connection, digest, after)
                await connection.execute(
                    update(users)
                    .where(users.c.email_digest == digest)
                    .values(row_version=users.c.row_version + 1)
                )
            owners = await connection.execute(select_users().where(users.c.email_digest == digest))
            return SuppressionChange(before, after, [user_of(row) for row in owners.mappings()])

    async def find(self, digests: Collection[str]) -> Mapping[str, Suppression]:
        """What is kept of these addresses."""
        query = select(suppressions).where(suppressions.c.address_digest.in_(list(digests)))
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {row["address_digest"]: suppression_of_row(row) for row in rows}

    async def page(
        self, now: datetime, *, limit: int, offset: int
    ) -> tuple[Sequence[Suppression], int]:
        """Those in force, newest first; and how many there are, exact up to 10,000."""
        counts = in_force(literal(now))
        query = (
            select(suppressions)
            .where(counts)
            .order_by(suppressions.c.created_at.desc(), suppressions.c.address_digest.desc())
            .limit(limit)
            .offset(offset)
        )
        first = select(suppressions.c.address_digest).where(counts).limit(COUNTED).subquery()
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).mappings().all()
            total = (await connection.execute(select(func.count()).select_from(first))).scalar_one()
        return [suppression_of_row(row) for row in rows], total

    async def digests(self, *, after: str, limit: int) -> Sequence[str]:
        """Digests of all that is kept, ascending from `after`."""
        query = (
            select(suppressions.c.address_digest)
            .where(suppressions.c.address_digest > after)
            .order_by(suppressions.c.address_digest)
            .limit(limit)
        )
        async with self._database.transaction() as connection:
            return (await connection.execute(query)).scalars().all()

    async def expired(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Digests of some that have ended by themselves."""
        query = (
            select(suppressions.c.address_digest)
            .where(suppressions.c.lifted_at.is_(None), suppressions.c.expires_at <= now)
            .limit(limit)
        )
        async with self._database.transaction() as connection:
            return (await connection.execute(query)).scalars().all()

    async def forget_lifted(self, before: datetime) -> int:
        """Delete what was lifted before a time; tells how many there were."""
        query = delete(suppressions).where(suppressions.c.lifted_at < before)
        async with self._database.transaction() as connection:
            return (await connection.execute(query)).rowcount


async def _store(connection: AsyncConnection, digest: str, after: Suppression | None) -> None:
    if after is None:
        await connection.execute(
            delete(suppressions).where(suppressions.c.address_digest == digest)
        )
        return
    values = suppression_values(after)
    await connection.execute(
        insert(suppressions)
        .values(values)
        .on_conflict_do_update(index_elements=[suppressions.c.address_digest], set_=values)
    )

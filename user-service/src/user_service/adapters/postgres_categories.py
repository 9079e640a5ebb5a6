"""The catalogue of categories in PostgreSQL."""

from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.category import Category, CategoryCatalogue, CategoryDefault
from servicekit.database import Database
from user_service.adapters.tables import categories
from user_service.domain.category_ports import DecideCategory

_LOCK: Final = "categories"


class PostgresCategories:
    """The port `Categories` on one database.

    Each row has the catalogue's version in which it came to be as it is, and a deleted one stays
    for the sake of that; the highest is the catalogue's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def catalogue(self) -> CategoryCatalogue:
        """All of them, in the order of their codes."""
        async with self._database.transaction() as connection:
            return await _read(connection)

    async def change(self, code: str, decide: DecideCategory) -> CategoryCatalogue:
        """Store what is decided, one change after another."""
        async with self._database.transaction() as connection:
            # Before anything is read: else two could make the same version.
            await connection.execute(
                select(func.pg_advisory_xact_lock(func.hashtextextended(_LOCK, 0)))
            )
            held = await _read(connection)
            before = held.find(code)
            after = decide(before)
            if after == before:
                return held
            await _store(connection, code, after, held.version + 1)
            return await _read(connection)


async def _read(connection: AsyncConnection) -> CategoryCatalogue:
    rows = (await connection.execute(select(categories).order_by(categories.c.code))).all()
    return CategoryCatalogue(
        version=max((row.version for row in rows), default=0),
        categories=tuple(
            Category(
                code=row.code,
                name=row.name,
                default=CategoryDefault(row.default_choice),
                is_urgent=row.is_urgent,
            )
            for row in rows
            if not row.is_deleted
        ),
    )


async def _store(
    connection: AsyncConnection, code: str, category: Category | None, version: int
) -> None:
    if category is None:
        await connection.execute(
            update(categories)
            .where(categories.c.code == code)
            .values(is_deleted=True, version=version)
        )
        return
    values = {
        "name": category.name,
        "default_choice": category.default.value,
        "is_urgent": category.is_urgent,
        "is_deleted": False,
        "version": version,
    }
    await connection.execute(
        insert(categories)
        .values(code=code, **values)
        .on_conflict_do_update(index_elements=[categories.c.code], set_=values)
    )

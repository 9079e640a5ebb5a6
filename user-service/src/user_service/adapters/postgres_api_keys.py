"""API keys in PostgreSQL: digests only, so that reading the table opens nothing."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert, or_, select, update

from servicekit.counting import count_rows
from servicekit.database import Database
from user_service.adapters.rows import api_key_of, api_key_values
from user_service.adapters.tables import api_keys
from user_service.domain.api_key import ApiKey
from user_service.domain.ports import DecideApiKey


class PostgresApiKeys:
    """The port `ApiKeys` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, api_key: ApiKey) -> None:
        """Store a key."""
        async with self._database.transaction() as connection:
            await connection.execute(insert(api_keys).values(api_key_values(api_key)))

    async def find_by_digest(self, digest: str) -> ApiKey | None:
        """The key that is known by this SHA-256 (hex), also if since a rotation by another."""
        known = or_(api_keys.c.digest == digest, api_keys.c.previous_digest == digest)
        async with self._database.transaction() as connection:
            result = await connection.execute(select(api_keys).where(known))
            row = result.mappings().first()
        return None if row is None else api_key_of(row)

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[ApiKey], int]:
        """Keys, newest first; and how many exist, exact up to 10,000."""
        query = (
            select(api_keys)
            .order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc())
            .limit(limit)
            .offset(offset)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).mappings().all()
            total = await count_rows(connection, api_keys)
        return [api_key_of(row) for row in rows], total

    async def change(self, key_id: UUID, decide: DecideApiKey) -> tuple[ApiKey, ApiKey] | None:
        """Store what is decided, under a lock of the row."""
        this = api_keys.c.id == key_id
        async with self._database.transaction() as connection:
            locked = await connection.execute(select(api_keys).where(this).with_for_update())
            row = locked.mappings().first()
            if row is None:
                return None
            before = api_key_of(row)
            after = decide(before)
            if after != before:
                await connection.execute(update(api_keys).where(this).values(api_key_values(after)))
            return before, after

"""The body of every service's Alembic `env.py`: asynchronous, and one migrator at a time."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

from alembic import context
from sqlalchemy import Connection, MetaData, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

_MIGRATION_LOCK = 7_402_117_345  # any number, the same for all who migrate a database


def run_migrations(metadata: MetaData) -> None:
    """Bring the database named by `DATABASE_URL` to the revision that Alembic was asked for.

    Replicas that start together wait for each other by an advisory lock.

    Raises:
        SystemExit: `DATABASE_URL` is not set.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        msg = "DATABASE_URL is not set; it names the database to migrate. See .env.example."
        raise SystemExit(msg)
    if context.is_offline_mode():
        context.configure(url=url, target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    asyncio.run(_migrate(url, metadata))


def without_partitions(connection: Connection) -> Callable[[str | None, str, Any], bool]:
    """Alembic's `include_name`: partitions are made while a service runs, and are in no model."""
    partitions = set(
        connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition")).all()
    )
    return lambda name, kind, _: kind != "table" or name not in partitions


async def _migrate(url: str, metadata: MetaData) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate_sync, metadata)
    finally:
        await engine.dispose()


def _migrate_sync(connection: Connection, metadata: MetaData) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        include_name=without_partitions(connection),
    )
    with context.begin_transaction():
        context.run_migrations()

"""Migration 0004 moves what was stored before into its months, and back."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from uuid_utils.compat import uuid7

from servicekit.testing import migrate, temporary_database

SERVICE_FOLDER = Path(__file__).parents[2]
OCTOBER = datetime(2026, 10, 5, 12, tzinfo=UTC)


def an_id_of(time: datetime) -> UUID:
    return UUID(int=round(time.timestamp() * 1000) << 80 | 0x7000_8000_0000_0000_0000)


async def test_rows_that_were_there_are_in_their_months_afterwards_and_back_again() -> None:
    async with temporary_database() as url:
        await migrate(SERVICE_FOLDER, url, "0003")
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            old, new, strange = an_id_of(OCTOBER), uuid7(), UUID(int=1)
            for key, time, status in (
                (old, OCTOBER, "failed"),
                (new, datetime.now(UTC), "pending"),
                (strange, OCTOBER, "delivered"),
            ):
                await _store(connection, key, time, status)
            before = await _rows(connection)
            await migrate(SERVICE_FOLDER, url)
            assert await _rows(connection) == before
            months = await connection.fetch(
                "SELECT id, tableoid::regclass::text AS month FROM notifications "
                "UNION SELECT notification_id, replace(tableoid::regclass::text, 'deliveries', "
                "'notifications') FROM deliveries "
                "UNION SELECT notification_id, replace(tableoid::regclass::text, "
                "'notification_events', 'notifications') FROM notification_events"
            )
            assert {tuple(row) for row in months} == {
                (old, "notifications_2026_10"),
                (new, f"notifications_{datetime.now(UTC):%Y_%m}"),
                (strange, "notifications_default"),
            }
            erased = await connection.fetch("SELECT id, erase_at - updated_at FROM notifications")
            days = {row[0]: None if row[1] is None else row[1].days for row in erased}
            assert days == {old: 30, new: None, strange: 0}
            await _downgrade(url, "0003")
            assert await _rows(connection) == before
        finally:
            await connection.close()


async def _downgrade(url: str, revision: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alembic", "downgrade", revision),
        cwd=SERVICE_FOLDER,
        env={**os.environ, "DATABASE_URL": url},
    )
    assert await process.wait() == 0


async def _store(connection: Any, key: UUID, time: datetime, status: str) -> None:
    await connection.execute(
        "INSERT INTO notifications (id, client_id, notification_type, user_id, template_code, "
        "template_version, language, category, priority, status, variables, metadata, "
        "correlation_id, created_at, updated_at) VALUES ($1, 'application:a', 'email', $2, "
        "'welcome', 1, 'en', 'onboarding', 4, $3, '{\"name\": \"John\"}', '{}', 'c', $4, $4)",
        *(key, uuid4(), status, time),
    )
    await connection.execute(
        "INSERT INTO deliveries (id, notification_id, recipient, status, attempts, generation, "
        "rank) VALUES ($1, $2, 'john@example.com', $3, 1, 0, 1)",
        *(uuid4(), key, status),
    )
    await connection.execute(
        "INSERT INTO notification_events (id, notification_id, kind, status, at, generation, "
        "attempt) VALUES ($1, $1, 'accepted', 'pending', $2, 0, 0)",
        *(key, time),
    )


async def _rows(connection: Any) -> list[list[tuple[Any, ...]]]:
    """All that was stored, without what the migration adds."""
    return [
        [
            tuple(value for name, value in row.items() if name != "erase_at")
            for row in await connection.fetch(f"TABLE {table} ORDER BY id")
        ]
        for table in ("notifications", "deliveries", "notification_events")
    ]

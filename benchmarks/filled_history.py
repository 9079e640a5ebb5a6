"""A history of any size, made by PostgreSQL itself: notifications that were delivered."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from api_gateway.adapters.postgres_months import PostgresMonths
from api_gateway.domain.month import Month
from servicekit.database import Database

SHARE: Final = 10
"""Every so manieth notification is the reader's; the others belong to a thousand others."""
_DAYS: Final = 60
_SECONDS: Final = 300
_CHUNK: Final = 100_000

# A UUIDv7 by hand: 48 bits of milliseconds, then what tells it from others.
_MADE: Final = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id,
    md5('delivery' || n)::uuid AS delivery_id, at, n
FROM generate_series($1::bigint, $2::bigint) AS n,
    LATERAL (SELECT $3::timestamptz + $4::interval * n AS at) AS time
"""
_NOTIFICATIONS: Final = """
INSERT INTO notifications
    (id, client_id, request_id, notification_type, user_id, template_code, template_version,
     language, category, priority, status, variables, metadata, correlation_id, created_at,
     updated_at)
SELECT id, 'application:benchmark', 'req-' || n, 'email',
    CASE WHEN n % $2 = 0 THEN $1::uuid ELSE md5((n % 1000)::text)::uuid END,
    'welcome_email', 1, 'en', 'welcome', 4, 'delivered', '{}', '{"campaign_id": "spring"}',
    md5(n::text), at, at
FROM made
"""
_DELIVERIES: Final = """
INSERT INTO deliveries
    (id, notification_id, recipient, status, attempts, generation, rank, event_at, event_id,
     provider, provider_message_id)
SELECT delivery_id, id, 'recipient.' || n || '@example.com', 'delivered', 1, 0, 1004, at,
    delivery_id, 'smtp', '<' || delivery_id || '@example.com>'
FROM made
"""
_EVENTS: Final = """
INSERT INTO notification_events
    (id, notification_id, delivery_id, kind, status, at, generation, attempt, provider, latency_ms)
SELECT id, id, NULL, 'accepted', 'pending', at, 0, 0, NULL, NULL FROM made
UNION ALL
SELECT delivery_id, id, delivery_id, 'sent', 'delivered', at, 0, 1, 'smtp', 12 FROM made
"""


async def fill_history(database_url: str, reader: UUID, count: int) -> None:
    """Store so many notifications of the last 60 days with all that belongs to them.

    Args:
        database_url: `postgresql+asyncpg://…`, migrated and empty.
        reader: Whose every tenth is.
        count: How many.
    """
    end = datetime.now(UTC)
    begin = end - timedelta(days=_DAYS)
    await _make_months(database_url, Month.of(begin), Month.of(end))
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        for first in range(1, count + 1, _CHUNK):
            last = min(first + _CHUNK - 1, count)
            async with connection.transaction():
                await _execute(connection, _MADE, first, last, begin, (end - begin) / (count + 1))
                await _execute(connection, _NOTIFICATIONS, reader, SHARE)
                await _execute(connection, _DELIVERIES)
                await _execute(connection, _EVENTS)
        # As autovacuum does a minute later, and would in the midst of what is measured.
        await _execute(
            connection, "VACUUM (ANALYZE) notifications, deliveries, notification_events"
        )
    finally:
        await connection.close()


async def _make_months(database_url: str, first: Month, last: Month) -> None:
    database = Database(database_url, name="benchmark", pool_size=1)
    try:
        months = PostgresMonths(database)
        while first < last:
            await months.create(first)
            first = first.following
    finally:
        await database.close()


async def _execute(connection: Any, statement: str, *arguments: object) -> None:
    await connection.execute(statement, *arguments, timeout=_SECONDS)

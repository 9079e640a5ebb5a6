import asyncio
from datetime import timedelta

from samples import notification, unused_key
from sqlalchemy import func, select, update
from store_suite import put

from api_gateway.adapters.postgres_expired_keys import KEPT_AFTER_EXPIRY, PostgresExpiredKeys
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.tables import idempotency_keys
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import Stored
from servicekit.database import Database

SECOND = timedelta(seconds=1)


async def stored_key(database: Database, expires_in: timedelta) -> IdempotencyKey:
    key = unused_key()
    await put(PostgresNotificationStore(database), notification(), key)
    async with database.transaction() as connection:
        await connection.execute(
            update(idempotency_keys)
            .where(idempotency_keys.c.request_id == key.request_id)
            .values(expires_at=func.now() + expires_in)
        )
    return key


async def exists(database: Database, key: IdempotencyKey) -> bool:
    async with database.transaction() as connection:
        count = await connection.scalar(
            select(func.count()).where(
                idempotency_keys.c.caller == key.caller,
                idempotency_keys.c.request_id == key.request_id,
            )
        )
        return bool(count)


async def test_deletes_expired_keys_and_no_other(database: Database) -> None:
    old = await stored_key(database, -KEPT_AFTER_EXPIRY - SECOND)
    # A transaction that began before its expiry may be about to read it.
    just_expired = await stored_key(database, -SECOND)
    valid = await stored_key(database, timedelta(hours=1))
    assert await PostgresExpiredKeys(database).delete(1_000) == 1
    found = [await exists(database, key) for key in (old, just_expired, valid)]
    assert found == [False, True, True]
    assert isinstance(await put(PostgresNotificationStore(database), notification(), old), Stored)


async def test_deletes_the_oldest_first_and_no_more_than_asked(database: Database) -> None:
    keys = [
        await stored_key(database, -KEPT_AFTER_EXPIRY - age * SECOND) for age in (30, 20, 10, 40)
    ]
    expired = PostgresExpiredKeys(database)
    assert await expired.delete(2) == 2
    assert [await exists(database, key) for key in keys] == [False, True, True, False]
    assert await expired.delete(1_000) == 2


async def test_two_relays_at_once_delete_each_key_once_and_do_not_wait(
    database: Database, database_url: str
) -> None:
    for _ in range(20):
        await stored_key(database, -KEPT_AFTER_EXPIRY - SECOND)
    other = Database(database_url, name="other-relay")
    deleted = await asyncio.gather(
        *(PostgresExpiredKeys(one).delete(5) for one in (database, other) * 4)
    )
    rest = await PostgresExpiredKeys(database).delete(1_000)
    assert sum(deleted) + rest == 20
    await other.close()


async def test_a_key_that_somebody_holds_is_left_for_later(database: Database) -> None:
    key = await stored_key(database, -KEPT_AFTER_EXPIRY - SECOND)
    expired = PostgresExpiredKeys(database)
    async with database.transaction() as connection:
        await connection.execute(
            select(idempotency_keys)
            .where(idempotency_keys.c.request_id == key.request_id)
            .with_for_update()
        )
        async with asyncio.timeout(2):
            assert await expired.delete(1_000) == 0
    assert await expired.delete(1_000) == 1

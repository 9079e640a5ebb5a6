from datetime import timedelta

import pytest
from samples import NOW, acceptance_of, delivery, notification, unused_key
from sqlalchemy import func, select, update
from store_suite import StoreSuite, put

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.tables import deliveries, events, idempotency_keys, notifications, outbox
from api_gateway.usecases.ports import Stored, StoredRequest
from contracts.error_codes import ErrorCode
from contracts.notification import DeviceKind, NotificationStatus, NotificationType
from servicekit.database import Database, DatabaseUnavailableError


@pytest.fixture
def store(database: Database) -> PostgresNotificationStore:
    return PostgresNotificationStore(database)


class TestPostgresNotificationStore(StoreSuite):
    @pytest.fixture
    def store(self, database: Database) -> PostgresNotificationStore:
        return PostgresNotificationStore(database)


async def test_what_was_stored_is_read_back_whole(
    store: PostgresNotificationStore, database: Database
) -> None:
    one = notification(
        notification_type=NotificationType.PUSH,
        request_id="req-1",
        expires_at=NOW + timedelta(days=1),
        deliveries=(
            delivery(recipient="token-1", device_kind=DeviceKind.FCM),
            delivery(recipient="token-2", device_kind=DeviceKind.FCM),
        ),
    )
    await put(store, one)
    found = await PostgresHistory(database).find(one.id)
    assert found is not None
    [accepted] = found.timeline
    assert (accepted.kind, accepted.status, accepted.at) == ("accepted", "pending", NOW)
    assert found == notification(**{**vars(one), "timeline": found.timeline})


async def test_a_suppressed_one_has_its_reason_in_the_history_and_no_outbox_row(
    store: PostgresNotificationStore, database: Database
) -> None:
    one = notification(
        status=NotificationStatus.SUPPRESSED,
        reason=ErrorCode.USER_INACTIVE.value,
        deliveries=(),
    )
    stored = await put(store, one)
    assert isinstance(stored, Stored)
    assert stored.outbox == ()
    found = await PostgresHistory(database).find(one.id)
    assert found is not None
    [event] = found.timeline
    assert (event.kind, event.status, event.reason) == ("suppressed", "suppressed", "user_inactive")


async def test_a_key_is_free_again_after_its_time(
    store: PostgresNotificationStore, database: Database
) -> None:
    key = unused_key()
    await put(store, notification(), key, "a" * 64)
    async with database.transaction() as connection:
        await connection.execute(
            update(idempotency_keys)
            .where(idempotency_keys.c.request_id == key.request_id)
            .values(expires_at=func.now() - timedelta(seconds=1))
        )
    assert await store.find_request(key) is None
    second = notification()
    assert isinstance(await put(store, second, key, "b" * 64), Stored)
    assert await store.find_request(key) == StoredRequest("b" * 64, acceptance_of(second))


async def test_an_error_in_the_middle_leaves_nothing_behind(
    store: PostgresNotificationStore, database: Database
) -> None:
    key, one = unused_key(), notification()
    twice = one.deliveries * 2  # the second breaks the primary key
    broken = notification(**{**vars(one), "deliveries": twice})
    with pytest.raises(Exception, match=r"deliveries_\d{4}_\d{2}_pkey"):
        await put(store, broken, key)
    assert await store.find_request(key) is None
    async with database.transaction() as connection:
        for table, column in (
            (notifications, notifications.c.id),
            (deliveries, deliveries.c.notification_id),
            (events, events.c.notification_id),
        ):
            count = select(func.count()).select_from(table).where(column == one.id)
            assert await connection.scalar(count) == 0
        waiting = select(func.count()).where(outbox.c.delivery_id == one.deliveries[0].id)
        assert await connection.scalar(waiting) == 0


async def test_a_database_that_is_away_is_told_as_such(unused_tcp_port: int) -> None:
    away = Database(f"postgresql+asyncpg://u:p@127.0.0.1:{unused_tcp_port}/x", name="tests")
    one = notification()
    with pytest.raises(DatabaseUnavailableError):
        await put(PostgresNotificationStore(away), one)
    await away.close()


async def test_rows_are_born_leased_to_the_gateway(
    store: PostgresNotificationStore, database: Database
) -> None:
    one = notification()
    await put(store, one)
    async with database.transaction() as connection:
        lease = await connection.scalar(
            select(outbox.c.leased_until - outbox.c.stored_at).where(
                outbox.c.delivery_id == one.deliveries[0].id
            )
        )
    assert lease == timedelta(seconds=5)

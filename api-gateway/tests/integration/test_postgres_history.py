from uuid import uuid4

import pytest
from history_suite import EVERYTHING, HistorySuite, Listing
from one_transaction import one_transaction
from samples import notification, unused
from sqlalchemy import text
from store_suite import put

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.domain.notification_filter import NotificationFilter
from servicekit.counting import COUNTED
from servicekit.database import Database


class TestPostgresHistory(HistorySuite):
    @pytest.fixture
    def listing(self, database: Database) -> Listing:
        store = PostgresNotificationStore(database)
        return Listing(PostgresHistory(database), lambda one: put(store, one))


async def test_what_was_never_stored_is_not_found(database: Database) -> None:
    assert await PostgresHistory(database).find(uuid4()) is None


async def test_counting_ends_where_nobody_needs_it_exactly(database: Database) -> None:
    columns = "client_id, notification_type, user_id, template_code, template_version, language"
    more = "category, priority, status, variables, metadata, correlation_id, created_at"
    async with one_transaction(database) as alone:
        one = notification(template_code=unused("code"))
        await put(PostgresNotificationStore(alone), one)
        await alone.connection.execute(
            text(
                f"INSERT INTO notifications (id, {columns}, {more}, updated_at) "  # noqa: S608
                f"SELECT gen_random_uuid(), {columns}, {more}, updated_at "
                "FROM notifications, generate_series(1, :copies) WHERE id = :id"
            ),
            {"id": one.id, "copies": COUNTED + 1},
        )
        wanted = NotificationFilter(template_code=one.template_code)
        assert await PostgresHistory(alone).count(EVERYTHING, wanted) == COUNTED == 10_000

from uuid import UUID

import pytest
from known_notifications_suite import KnownNotificationsSuite
from letters import Post
from samples import outcome
from store_suite import put

from api_gateway.adapters.postgres_known_notifications import PostgresKnownNotifications
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.domain.notification import Notification
from api_gateway.domain.reported_delivery import KnownDelivery, KnownNotification
from contracts.outcome import OutcomeKind
from servicekit.database import Database


class FilledPostgres:
    def __init__(self, database: Database) -> None:
        self._store = PostgresNotificationStore(database)
        self._known = PostgresKnownNotifications(database)

    async def put(self, one: Notification) -> None:
        await put(self._store, one)

    async def find(self, notification_id: UUID) -> KnownNotification | None:
        return await self._known.find(notification_id)


class TestPostgresKnownNotifications(KnownNotificationsSuite):
    @pytest.fixture
    def known(self, database: Database) -> FilledPostgres:
        return FilledPostgres(database)

    async def test_finds_a_replayed_delivery_in_its_present_generation(
        self, known: FilledPostgres, database: Database
    ) -> None:
        post = Post(database)
        one = await post.failed()
        [item] = one.deliveries
        await post.record(
            outcome(
                OutcomeKind.REPLAYED,
                notification_id=one.id,
                delivery_id=item.id,
                generation=1,
                attempt=0,
            )
        )
        found = await known.find(one.id)
        assert found is not None
        assert found.deliveries == (KnownDelivery(item.id, 1),)

from uuid import UUID

import pytest
from known_notifications_suite import KnownNotificationsSuite
from letters import Post
from samples import NOW, notification, outcome
from sqlalchemy.pool import QueuePool
from store_suite import put

from api_gateway.adapters.postgres_known_notifications import PostgresKnownNotifications
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification import Notification
from api_gateway.domain.reported_delivery import KnownDelivery, KnownNotification
from api_gateway.usecases.report_status import ReportStatus
from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.status_report import StatusReport
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


async def test_no_connection_is_held_while_the_report_is_published(database: Database) -> None:
    own = Database(database.engine.url.render_as_string(hide_password=False), name="tests")
    one = notification()
    await put(PostgresNotificationStore(database), one)
    held: list[int] = []

    class Publishing:
        async def publish(self, _: DeliveryOutcome) -> None:
            pool = own.engine.pool
            assert isinstance(pool, QueuePool)
            held.append(pool.checkedout())

    report_status = ReportStatus(PostgresKnownNotifications(own), Publishing(), now=lambda: NOW)
    report = {"notification_id": public_notification_id(one.id), "status": "delivered"}
    await report_status(StatusReport.model_validate(report), NotificationType.EMAIL)
    await own.close()
    assert held == [0]

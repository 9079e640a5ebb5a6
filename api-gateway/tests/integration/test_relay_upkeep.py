"""The whole relay as production builds it: how it keeps the history small."""

from gateway import running_relay
from months_suite import MAY, an_id_of
from queues import until
from samples import notification, outcome
from sqlalchemy import func, select, update
from store_suite import put

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_months import PostgresMonths
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.tables import notifications
from contracts.outcome import OutcomeKind
from servicekit.database import Database


async def test_an_old_month_goes_and_what_failed_long_ago_is_erased(
    database_url: str, amqp_url: str, database: Database
) -> None:
    assert await PostgresMonths(database).create(MAY)
    store, recorder = PostgresNotificationStore(database), PostgresOutcomeRecorder(database)
    old, waiting = [notification(id=an_id_of(MAY), created_at=MAY.begin) for _ in range(2)]
    failed = notification()
    for one in (old, waiting, failed):
        await put(store, one)
    for one, kind in ((old, OutcomeKind.SENT), (failed, OutcomeKind.FAILED)):
        event = outcome(kind, notification_id=one.id, delivery_id=one.deliveries[0].id)
        assert await recorder.record([event]) == set()
    async with database.transaction() as connection:
        await connection.execute(
            update(notifications)
            .where(notifications.c.id == failed.id)
            .values(erase_at=select(func.now()).scalar_subquery())
        )
    async with running_relay(database_url=database_url, amqp_url=amqp_url) as relay:
        history = PostgresHistory(database)

        async def is_done() -> bool:
            found = await history.find(failed.id)
            assert found is not None
            figures = (await relay.get("/metrics")).text
            return found.variables == {} and "history_months_dropped_total 1.0" in figures

        await until(is_done)
        assert (await relay.get("/health/ready")).json()["checks"].keys() >= {
            "month_keeper",
            "variable_eraser",
        }
    assert MAY not in await PostgresMonths(database).stored()
    kept = await PostgresHistory(database).find(waiting.id)
    assert kept is not None
    assert kept.variables == waiting.variables
    assert await PostgresHistory(database).find(old.id) is None

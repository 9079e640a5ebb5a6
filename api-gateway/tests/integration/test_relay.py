"""The whole relay as production builds it: what it does with what workers leave behind."""

import json
from datetime import timedelta
from uuid import UUID

import aio_pika
from gateway import running_relay
from queues import channel_to, purge, send_event, take, until
from samples import message_of, notification, outcome
from sqlalchemy import delete, func, select, update
from store_suite import put

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.tables import dead_letters, deliveries, outbox
from api_gateway.domain.notification import Notification
from contracts.delivery_message import HEADER_DEAD_REASON, HEADER_REPEATED, DeliveryMessage
from contracts.names import FAILED_QUEUE, OUTCOMES_QUEUE
from contracts.notification import NotificationStatus
from contracts.outcome import OutcomeKind
from servicekit.database import Database


async def published(database: Database) -> Notification:
    """A notification whose message has left the outbox."""
    one = notification()
    await put(PostgresNotificationStore(database), one)
    async with database.transaction() as connection:
        await connection.execute(delete(outbox))
    return one


async def test_a_silent_delivery_a_parked_one_and_a_dead_letter(
    database_url: str, amqp_url: str, database: Database
) -> None:
    silent, parked, dead = [await published(database) for _ in range(3)]
    async with database.transaction() as connection:
        await connection.execute(
            update(deliveries)
            .where(deliveries.c.notification_id == silent.id)
            .values(reconcile_at=func.now() - timedelta(seconds=1))
        )
        now = await connection.scalar(select(func.now()))
        await connection.execute(update(dead_letters).values(state="discarded"))
    assert now is not None
    deferred = outcome(
        OutcomeKind.DEFERRED,
        notification_id=parked.id,
        delivery_id=parked.deliveries[0].id,
        attempt=0,
        parked=True,
        next_retry_count=1,
        next_attempt_at=now + timedelta(seconds=2),
    )
    async with channel_to(amqp_url) as channel:
        await purge(channel, "email.queue", OUTCOMES_QUEUE, FAILED_QUEUE)
        await send_event(channel, deferred.routing_key, deferred.model_dump_json().encode())
        body = message_of(dead, dead.deliveries[0]).model_dump_json().encode()
        await channel.default_exchange.publish(
            aio_pika.Message(body, headers={HEADER_DEAD_REASON: "retries_exhausted"}),
            FAILED_QUEUE,
        )
        async with running_relay(database_url=database_url, amqp_url=amqp_url) as relay:
            messages = {
                UUID(str(one.message_id)): one for one in await take(channel, "email.queue", 2)
            }
            again = messages[silent.deliveries[0].id]
            due = messages[parked.deliveries[0].id]
            for one in (again, due):
                assert one.headers[HEADER_REPEATED] is True
            assert DeliveryMessage.model_validate_json(again.body).retry_count == 0
            assert DeliveryMessage.model_validate_json(due.body).retry_count == 1
            assert json.loads(due.body)["not_before"]

            async def has_failed() -> bool:
                found = await PostgresHistory(database).find(dead.id)
                assert found is not None
                return found.status is NotificationStatus.FAILED

            await until(has_failed)

            async def is_ready() -> bool:
                return (await relay.get("/health/ready")).status_code == 200

            await until(is_ready)
            figures = (await relay.get("/metrics")).text
    assert "deliveries_reconciled_total 1.0" in figures
    assert "dead_letters_kept_total 1.0" in figures
    assert "dead_letters_open " in figures

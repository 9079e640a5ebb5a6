"""No delivery or event is without its notification, though no foreign key says so (ADR 13)."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from one_transaction import OneTransaction, one_transaction
from samples import NOW, delivery, message_of, notification, outcome, unused_key
from sqlalchemy import text
from store_suite import put

from api_gateway.adapters.postgres_dead_letter_keeper import PostgresDeadLetterKeeper
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.domain.failed_message import FailedMessage, read_failed_message
from contracts.outcome import OutcomeKind
from servicekit.database import Database

ORPHANS = """
SELECT notification_id FROM deliveries WHERE notification_id NOT IN (SELECT id FROM notifications)
UNION ALL
SELECT notification_id FROM notification_events
WHERE notification_id NOT IN (SELECT id FROM notifications)
"""


@pytest_asyncio.fixture
async def alone(database: Database) -> AsyncIterator[OneTransaction]:
    async with one_transaction(database) as alone:
        yield alone


async def orphans(database: Database) -> list[object]:
    async with database.transaction() as connection:
        return list((await connection.execute(text(ORPHANS))).scalars())


async def test_a_repeated_request_leaves_nothing_of_itself(alone: OneTransaction) -> None:
    store, key = PostgresNotificationStore(alone), unused_key()
    for _ in range(2):
        await put(store, notification(deliveries=(delivery(), delivery())), key)
    assert await orphans(alone) == []


@pytest.mark.parametrize("kind", OutcomeKind)
async def test_an_outcome_of_what_is_not_there_leaves_no_event(
    alone: OneTransaction, kind: OutcomeKind
) -> None:
    one = notification()
    await put(PostgresNotificationStore(alone), one)
    strangers = [
        outcome(kind),
        outcome(kind, notification_id=one.id),
        outcome(kind, notification_id=uuid4(), delivery_id=one.deliveries[0].id),
    ]
    unknown = await PostgresOutcomeRecorder(alone).record(strangers)
    assert unknown == {item.event_id for item in strangers}
    assert await orphans(alone) == []


async def test_a_dead_letter_of_what_is_not_there_leaves_no_event(alone: OneTransaction) -> None:
    one = notification()  # never stored
    letter = read_failed_message(
        FailedMessage(message_of(one, one.deliveries[0]).model_dump_json().encode()), NOW
    )
    assert letter.event is not None
    assert await PostgresDeadLetterKeeper(alone).keep([letter]) == 1
    assert await orphans(alone) == []

"""What names its notifications reads their months alone, however PostgreSQL plans it."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from letters import Post
from one_transaction import OneTransaction, one_transaction
from samples import NOW, delivery, notification, outcome
from sqlalchemy import text, update
from store_suite import put

from api_gateway.adapters.postgres_dead_letter_keeper import PostgresDeadLetterKeeper
from api_gateway.adapters.postgres_dead_letters import PostgresDeadLetters
from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.postgres_silent_deliveries import PostgresSilentDeliveries
from api_gateway.adapters.tables import deliveries
from api_gateway.domain.dead_letter import ClosingAction, DeadLetter
from api_gateway.domain.failed_message import FailedMessage, read_failed_message
from api_gateway.domain.notification import Notification
from api_gateway.domain.notification_filter import NotificationFilter, Visible
from contracts.outcome import OutcomeKind
from servicekit.database import Database

TIMES = 7  # PostgreSQL decides about a plan for all values at the sixth
PARTITIONED = ("notifications", "deliveries", "notification_events")


class Watched(OneTransaction):
    """Tells which months were read."""

    before: Counter[str]

    async def partitions_read(self) -> set[str]:
        names = await self.scans() - self.before
        return {name for name in names if name.startswith(tuple(f"{one}_" for one in PARTITIONED))}


@pytest_asyncio.fixture(params=["auto", "force_generic_plan", "force_custom_plan"])
async def watched(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    async with one_transaction(database) as alone:
        watched = Watched(alone.connection)
        await watched.connection.execute(text(f"SET LOCAL plan_cache_mode = {request.param}"))
        watched.before = await watched.scans()
        yield watched


def of_this_month(*tables: str) -> set[str]:
    return {f"{table}_{datetime.now(UTC):%Y_%m}" for table in tables}


async def stored(watched: Watched) -> Notification:
    one = notification(deliveries=(delivery(), delivery()))
    await put(PostgresNotificationStore(watched), one)
    return one


async def test_storing_reads_no_month(watched: Watched) -> None:
    for _ in range(TIMES):
        await stored(watched)
    assert await watched.partitions_read() == set()


async def test_recording_an_outcome(watched: Watched) -> None:
    recorder = PostgresOutcomeRecorder(watched)
    for _ in range(TIMES):
        one = await stored(watched)
        sent, parked = (
            outcome(kind, notification_id=one.id, delivery_id=item.id)
            for kind, item in zip(
                (OutcomeKind.SENT, OutcomeKind.DEFERRED), one.deliveries, strict=True
            )
        )
        due = {"next_attempt_at": NOW + timedelta(hours=2), "parked": True}
        await recorder.record([sent, parked.model_copy(update=due)])
    assert await watched.partitions_read() == of_this_month(*PARTITIONED)


async def test_reading_one(watched: Watched) -> None:
    for _ in range(TIMES):
        one = await stored(watched)
        assert await PostgresHistory(watched).find(one.id) is not None
    assert await watched.partitions_read() == of_this_month(*PARTITIONED)


async def test_listing_a_time(watched: Watched) -> None:
    now = datetime.now(UTC)
    wanted = NotificationFilter(created_from=now.replace(day=10), created_to=now.replace(day=20))
    history = PostgresHistory(watched)
    for visible in (Visible(), Visible(client_id="application:a")) * TIMES:
        await history.page(visible, wanted, limit=10)
        await history.count(visible, wanted)
    assert await watched.partitions_read() == of_this_month("notifications")


async def test_keeping_reading_and_closing_a_dead_letter(watched: Watched) -> None:
    keeper, letters = PostgresDeadLetterKeeper(watched), PostgresDeadLetters(watched)
    post = Post(watched)
    for action in (*ClosingAction,) * TIMES:
        one = await post.failed(2)
        assert await keeper.keep([read_failed_message(FailedMessage(b"{}"), NOW)]) in {0, 1}
        letter_id = await post.dead(one)
        examined = await letters.find(letter_id)
        assert examined is not None
        assert examined.letter.recipient == one.deliveries[0].recipient
        closed = await letters.close(letter_id, action, closed_by="user:admin", now=NOW)
        assert isinstance(closed, DeadLetter)
    assert await watched.partitions_read() == of_this_month(*PARTITIONED)


async def test_publishing_what_is_silent_looks_for_it_everywhere_and_then_at_its_month(
    watched: Watched,
) -> None:
    silent = PostgresSilentDeliveries(watched, reconcile_after=timedelta(hours=1))
    for _ in range(TIMES):
        one = await stored(watched)
        await watched.connection.execute(
            update(deliveries)
            .where(deliveries.c.notification_id == one.id)
            .values(reconcile_at=NOW - timedelta(days=1))
        )
        await watched.connection.execute(text("DELETE FROM outbox"))
        assert await silent.publish_again(100) >= 2
    read = await watched.partitions_read()
    assert {name for name in read if name.startswith("notifications")} == of_this_month(
        "notifications"
    )

"""Variables go when nothing can be sent any more, and not a moment before."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from letters import Post
from one_transaction import OneTransaction, one_transaction
from samples import NOW, delivery, message_of, notification, outcome, unused, unused_key
from sqlalchemy import delete, select, text, update
from store_suite import put

from api_gateway.adapters.postgres_dead_letter_keeper import PostgresDeadLetterKeeper
from api_gateway.adapters.postgres_dead_letters import PostgresDeadLetters
from api_gateway.adapters.postgres_due_erasures import PostgresDueErasures
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.tables import dead_letters, metadata, notifications, outbox
from api_gateway.domain.close_letter import Refused
from api_gateway.domain.dead_letter import ClosingAction, DeadLetter, LetterState
from api_gateway.domain.failed_message import FailedMessage, read_failed_message
from api_gateway.domain.notification import Notification
from api_gateway.usecases.erase_variables import EraseVariables
from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationStatus
from contracts.outcome import OutcomeKind
from servicekit.database import Database

REPLAY, DISCARD = ClosingAction.REPLAY, ClosingAction.DISCARD
MONTH = timedelta(days=30)


class Bench:
    """Notifications that say a canary, and what happens to them."""

    def __init__(self, database: OneTransaction) -> None:
        self.database = database
        self.canary = unused("canary")
        self.letters = PostgresDeadLetters(database)
        self.erase = EraseVariables(PostgresDueErasures(database))
        self._post = Post(database)

    async def stored(
        self, deliveries: int = 1, status: NotificationStatus = NotificationStatus.PENDING
    ) -> Notification:
        one = notification(
            variables={"name": self.canary, "list": [{"deep": self.canary}]},
            deliveries=tuple(delivery() for _ in range(deliveries)),
            status=status,
        )
        await put(PostgresNotificationStore(self.database), one, unused_key())
        await self.published()
        return one

    async def published(self) -> None:
        """What waited in the outbox goes, as the relay has it."""
        await self.database.connection.execute(delete(outbox))

    async def happens(
        self, one: Notification, kind: OutcomeKind, index: int = 0, **changes: Any
    ) -> None:
        ids = {"notification_id": one.id, "delivery_id": one.deliveries[index].id}
        await self._post.record(outcome(kind, **{**ids, **changes}))

    async def dies(self, one: Notification, index: int = 0, generation: int = 0) -> UUID:
        """The worker gives it up; the id of its letter."""
        await self.happens(one, OutcomeKind.FAILED, index, generation=generation)
        message = message_of(one, one.deliveries[index])
        message = message.model_copy(update={"generation": generation})
        letter = read_failed_message(FailedMessage(message.model_dump_json().encode()), NOW)
        assert await PostgresDeadLetterKeeper(self.database).keep([letter]) == 1
        found = await self.database.connection.execute(
            text("SELECT id FROM dead_letters WHERE delivery_id = :id AND generation = :at"),
            {"id": message.delivery_id, "at": generation},
        )
        letter_id: UUID = found.scalar_one()
        return letter_id

    async def close(self, letter_id: UUID, action: ClosingAction) -> DeadLetter | Refused | None:
        return await self.letters.close(letter_id, action, closed_by="user:admin", now=NOW)

    async def passes(self, time: timedelta) -> None:
        connection = self.database.connection
        await connection.execute(
            update(notifications).values(erase_at=notifications.c.erase_at - time)
        )
        await connection.execute(
            update(dead_letters).values(received_at=dead_letters.c.received_at - time)
        )

    async def is_kept(self, one: Notification) -> bool:
        found = (await self._post.found(one)).variables
        assert found in ({}, one.variables)
        return found == one.variables

    async def where_it_is(self) -> set[str]:
        """The tables that hold the canary, in text or in bytes."""
        held = set()
        for table in metadata.tables:
            count = await self.database.connection.scalar(
                text(
                    f"SELECT count(*) FROM {table} AS a_row WHERE a_row::text LIKE :plain "  # noqa: S608
                    "OR a_row::text LIKE :hex"
                ),
                {"plain": f"%{self.canary}%", "hex": f"%{self.canary.encode().hex()}%"},
            )
            held |= {table} if count else set()
        return held


@pytest_asyncio.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with one_transaction(database) as alone:
        yield Bench(alone)


async def test_the_search_for_the_canary_finds_it_in_text_and_in_bytes(bench: Bench) -> None:
    one = await bench.stored()
    await bench.dies(one)
    assert await bench.where_it_is() == {"notifications", "dead_letters"}


@pytest.mark.parametrize(
    "kind",
    [
        *(OutcomeKind.SENT, OutcomeKind.EXPIRED, OutcomeKind.UNKNOWN),
        *(OutcomeKind.SUPPRESSED, OutcomeKind.BOUNCED, OutcomeKind.COMPLAINED),
    ],
)
async def test_an_end_for_good_takes_them_at_once(bench: Bench, kind: OutcomeKind) -> None:
    one = await bench.stored()
    assert await bench.where_it_is() == {"notifications"}
    await bench.happens(one, OutcomeKind.DELIVERY_ATTEMPTED)
    assert await bench.is_kept(one)
    await bench.happens(one, kind)
    assert await bench.where_it_is() == set()


async def test_what_will_not_be_sent_is_stored_without_them(bench: Bench) -> None:
    await bench.stored(0, NotificationStatus.SUPPRESSED)
    assert await bench.where_it_is() == set()


async def test_what_waits_for_its_time_keeps_them(bench: Bench) -> None:
    one = await bench.stored(0, NotificationStatus.SCHEDULED)
    await bench.passes(MONTH * 2)
    await bench.erase()
    assert await bench.is_kept(one)


async def test_one_delivered_device_does_not_take_them_from_another(bench: Bench) -> None:
    one = await bench.stored(2)
    await bench.happens(one, OutcomeKind.SENT, 0)
    due = NOW + timedelta(hours=2)
    parked: dict[str, Any] = {"next_attempt_at": due, "parked": True, "next_retry_count": 1}
    await bench.happens(one, OutcomeKind.DELIVERY_ATTEMPTED, 1, **parked)
    [body] = (await bench.database.connection.scalars(select(outbox.c.body))).all()
    assert DeliveryMessage.model_validate_json(body).variables == one.variables
    await bench.published()
    await bench.happens(one, OutcomeKind.SENT, 1, attempt=2)
    assert await bench.where_it_is() == set()


async def test_a_dead_letter_can_be_replayed_for_thirty_days(bench: Bench) -> None:
    one = await bench.stored()
    letter_id = await bench.dies(one)
    await bench.passes(MONTH - timedelta(seconds=1))
    await bench.erase()
    assert await bench.where_it_is() == {"notifications", "dead_letters"}
    assert isinstance(await bench.close(letter_id, REPLAY), DeadLetter)
    assert await bench.where_it_is() == {"notifications", "outbox"}
    await bench.published()
    await bench.passes(MONTH)
    await bench.erase()
    assert await bench.is_kept(one)  # it is on its way again
    await bench.happens(one, OutcomeKind.SENT, generation=1)
    assert await bench.where_it_is() == set()


async def test_after_thirty_days_nothing_is_left_to_replay(bench: Bench) -> None:
    one = await bench.stored()
    letter_id = await bench.dies(one)
    await bench.passes(MONTH + timedelta(seconds=1))
    erased = await bench.erase()
    assert erased.notifications >= 1
    assert erased.dead_letters >= 1
    assert await bench.where_it_is() == set()
    refused = await bench.close(letter_id, REPLAY)
    assert isinstance(refused, Refused)
    assert "30 days" in refused.message
    discarded = await bench.close(letter_id, DISCARD)
    assert isinstance(discarded, DeadLetter)
    assert discarded.state is LetterState.DISCARDED
    assert await bench.erase() == (0, 0)


async def test_a_discard_takes_them_at_once(bench: Bench) -> None:
    one = await bench.stored()
    letter_id = await bench.dies(one)
    await bench.close(letter_id, DISCARD)
    assert await bench.where_it_is() == set()
    examined = await bench.letters.find(letter_id)
    assert examined is not None
    assert examined.letter.erased_at is not None
    assert DeliveryMessage.model_validate_json(examined.body).notification_id


async def test_a_discard_leaves_them_to_what_failed_beside_it(bench: Bench) -> None:
    one = await bench.stored(3)
    discarded, other = await bench.dies(one, 0), await bench.dies(one, 1)
    await bench.close(discarded, DISCARD)
    assert await bench.is_kept(one)  # the third is on its way
    await bench.happens(one, OutcomeKind.SENT, 2)
    assert await bench.is_kept(one)
    await bench.close(other, DISCARD)
    assert await bench.where_it_is() == set()


async def test_a_letter_that_came_after_the_erasure_is_sent_again_whole(bench: Bench) -> None:
    """It lay in its queue while the notification's thirty days went by."""
    one = await bench.stored()
    await bench.happens(one, OutcomeKind.FAILED)
    await bench.passes(MONTH * 2)
    await bench.erase()
    assert not await bench.is_kept(one)
    letter_id = await bench.dies(one)
    await bench.close(letter_id, REPLAY)
    assert await bench.is_kept(one)


async def test_a_late_event_does_not_put_the_end_off(bench: Bench) -> None:
    one = await bench.stored()
    await bench.dies(one)
    await bench.passes(timedelta(days=29))
    await bench.happens(one, OutcomeKind.FAILED, at=NOW + timedelta(seconds=1))
    await bench.passes(timedelta(days=1, seconds=1))
    await bench.erase()
    assert not await bench.is_kept(one)


async def test_bytes_that_nobody_can_read_go_with_their_decision(bench: Bench) -> None:
    keeper = PostgresDeadLetterKeeper(bench.database)
    body = f'{{"variables": {{"name": "{bench.canary}"}}}}'.encode()
    assert await keeper.keep([read_failed_message(FailedMessage(body), NOW)]) == 1
    assert await bench.where_it_is() == {"dead_letters"}
    await bench.passes(MONTH + timedelta(seconds=1))
    await bench.erase()
    assert await bench.where_it_is() == set()

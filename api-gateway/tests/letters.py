"""Dead letters to test with: stored as the drain stores them, of deliveries that really failed."""

import hashlib
import json
from typing import Any
from uuid import UUID

from samples import NOW, delivery, message_of, notification, outcome, unused
from sqlalchemy import func, insert, select, update
from store_suite import put
from uuid_utils.compat import uuid7

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.tables import dead_letters, outbox
from api_gateway.domain.dead_letter import LetterState
from api_gateway.domain.notification import Notification
from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome, OutcomeKind
from servicekit.database import Database


class Post:
    """Stores dead letters of deliveries of its own, and looks at what became of them.

    Args:
        database: Where.
        template_code: Of all its letters, so that they can be told from those of other tests.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.template_code = unused("letters")

    async def failed(self, deliveries: int = 1) -> Notification:
        """A notification whose deliveries have all failed, after two attempts each."""
        one = notification(
            template_code=self.template_code,
            deliveries=tuple(delivery() for _ in range(deliveries)),
        )
        await put(PostgresNotificationStore(self.database), one)
        events = [
            outcome(
                kind,
                notification_id=one.id,
                delivery_id=item.id,
                attempt=attempt,
                reason="smtp_451",
            )
            for item in one.deliveries
            for attempt, kind in ((1, OutcomeKind.DELIVERY_ATTEMPTED), (2, OutcomeKind.FAILED))
        ]
        await self.record(*events)
        return one

    async def dead(self, one: Notification, index: int = 0, **changes: Any) -> UUID:
        """The id of a letter of one delivery; `generation` goes into its message as well."""
        message = message_of(one, one.deliveries[index]).model_copy(
            update={
                "generation": changes.get("generation", 0),
                "retry_count": 5,
                "provider_failures": 2,
                "pinned_provider": "smtp",
                "not_before": NOW,
            }
        )
        values = {
            "delivery_id": one.deliveries[index].id,
            "notification_id": one.id,
            "notification_type": one.notification_type.value,
            "client_id": one.client_id,
            "template_code": one.template_code,
            "body": message.model_dump_json().encode(),
        }
        return await self.keep(**{**values, **changes})

    async def keep(self, **values: Any) -> UUID:
        """The id of any letter."""
        row = {
            "id": uuid7(),
            "reason": "retries_exhausted",
            "headers": {"x-dead-reason": "retries_exhausted"},
            "body": json.dumps({"unreadable": unused("letter")}).encode(),
            "template_code": self.template_code,
            **values,
        }
        row["digest"] = hashlib.sha256(row["body"]).hexdigest()
        async with self.database.transaction() as connection:
            await connection.execute(insert(dead_letters).values(row))
        letter_id: UUID = row["id"]
        return letter_id

    async def failed_letter(self, **changes: Any) -> tuple[Notification, UUID]:
        """A failed notification of one delivery, and the id of its letter."""
        one = await self.failed()
        return one, await self.dead(one, **changes)

    async def record(self, *events: DeliveryOutcome) -> None:
        assert await PostgresOutcomeRecorder(self.database).record(events) == set()

    async def found(self, one: Notification) -> Notification:
        again = await PostgresHistory(self.database).find(one.id)
        assert again is not None
        return again

    async def state_of(self, letter_id: UUID) -> tuple[LetterState, str | None]:
        """State, and who closed it."""
        async with self.database.transaction() as connection:
            row = (
                await connection.execute(select(dead_letters).where(dead_letters.c.id == letter_id))
            ).one()
            return LetterState(row.state), row.closed_by

    async def replayed(self, *ones: Notification) -> list[DeliveryMessage]:
        """The messages of later generations that wait in the outbox for these notifications."""
        ids = [item.id for one in ones for item in one.deliveries]
        async with self.database.transaction() as connection:
            rows = await connection.execute(
                select(outbox.c.body)
                .where(outbox.c.delivery_id.in_(ids), outbox.c.leased_until <= func.now())
                .order_by(outbox.c.id)
            )
            messages = [DeliveryMessage.model_validate_json(row.body) for row in rows]
        return [message for message in messages if message.generation > 0]

    async def received(self, letter_id: UUID, at: Any) -> None:
        """Change when a letter was received."""
        async with self.database.transaction() as connection:
            await connection.execute(
                update(dead_letters).where(dead_letters.c.id == letter_id).values(received_at=at)
            )

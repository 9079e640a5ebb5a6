"""Puts messages into the outbox within the transaction of what they announce."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.tables import outbox
from api_gateway.usecases.ports import OutboxMessage
from contracts.delivery_message import DeliveryMessage
from contracts.names import lane_for


class OutboxRow(NamedTuple):
    """What is published of a delivery."""

    routing_key: str
    body: bytes
    correlation_id: str


def outbox_row(message: DeliveryMessage) -> OutboxRow:
    """The row of a message, without ids and times."""
    return OutboxRow(
        lane_for(message.notification_type, message.priority),
        message.model_dump_json(exclude_none=True).encode(),
        message.correlation_id,
    )


def outbox_messages(
    messages: Sequence[DeliveryMessage], rows: Sequence[OutboxRow], ids: Mapping[UUID, int | None]
) -> tuple[OutboxMessage, ...]:
    """Messages as they wait in the outbox; `ids` has of each delivery its row's."""
    waiting = []
    for message, row in zip(messages, rows, strict=True):
        row_id = ids[message.delivery_id]
        assert row_id is not None
        waiting.append(OutboxMessage(row_id, *row[:2], message.delivery_id, row.correlation_id))
    return tuple(waiting)


async def leave_to_relay(connection: AsyncConnection, messages: Sequence[DeliveryMessage]) -> None:
    """Have messages published by a relay: now, or parked until their `not_before`.

    Only relays ever publish these rows, and mark them as perhaps repeated.
    """
    if not messages:
        return
    due = func.coalesce(bindparam("due", type_=outbox.c.leased_until.type), func.now())
    await connection.execute(
        insert(outbox).values(stored_at=due, leased_until=due),
        [
            {
                "delivery_id": message.delivery_id,
                **outbox_row(message)._asdict(),
                "client_id": message.client_id,
                "due": message.not_before,
            }
            for message in messages
        ],
    )

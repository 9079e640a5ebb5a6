"""Puts messages into the outbox within the transaction of what they announce."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.tables import outbox
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
                "due": message.not_before,
            }
            for message in messages
        ],
    )

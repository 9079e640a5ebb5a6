"""Erases variables within somebody's transaction, and puts them back where they are sent again."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import LargeBinary, Text, Uuid, cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from api_gateway.adapters.outcome_statements import among_ids, between_ids, id_arguments
from api_gateway.adapters.tables import dead_letters, deliveries, notifications
from api_gateway.adapters.unnested import arrays_of, unnested
from api_gateway.domain.dead_letter import LetterState
from api_gateway.domain.erasure import NEVER_SENT_AGAIN, erased_body
from api_gateway.domain.identifiers import parse_notification_id
from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationStatus

NOTHING: Final = cast({}, JSONB)

_LEFT: Final = unnested("letter", {"id": Uuid(), "body": LargeBinary()})
_ERASE_BODIES: Final = (
    update(dead_letters)
    .where(dead_letters.c.id == _LEFT.c.id)
    .values(body=_LEFT.c.body, erased_at=func.now())
)

_KEPT: Final = unnested("kept", {"id": Uuid(), "variables": Text()})
_RESTORE: Final = (
    update(notifications)
    .where(
        notifications.c.id == _KEPT.c.id,
        between_ids(notifications.c.id),
        notifications.c.variables == NOTHING,
    )
    .values(variables=cast(_KEPT.c.variables, JSONB))
)

_OF_IT: Final = (deliveries.c.notification_id == notifications.c.id) & among_ids(
    deliveries.c.notification_id
)
_DISCARDED: Final = (
    select(dead_letters.c.id)
    .where(
        dead_letters.c.delivery_id == deliveries.c.id,
        dead_letters.c.generation == deliveries.c.generation,
        dead_letters.c.state == LetterState.DISCARDED.value,
    )
    .exists()
)
_MAY_BE_SENT: Final = (
    select(deliveries.c.id)
    .where(
        _OF_IT,
        deliveries.c.status.not_in([status.value for status in NEVER_SENT_AGAIN]),
        (deliveries.c.status != NotificationStatus.FAILED.value) | ~_DISCARDED,
    )
    .exists()
)
_HAS_DELIVERIES: Final = select(deliveries.c.id).where(_OF_IT).exists()
_ERASE_DISCARDED: Final = (
    update(notifications)
    .where(among_ids(notifications.c.id), _HAS_DELIVERIES, ~_MAY_BE_SENT)
    .values(variables=NOTHING, erase_at=None)
)


async def erase_bodies(connection: AsyncConnection, bodies: Mapping[UUID, bytes]) -> None:
    """Erase what dead letters say about their recipients.

    Args:
        connection: In the transaction that holds the letters.
        bodies: Of each letter, as it is.
    """
    rows = [{"id": key, "body": erased_body(body)} for key, body in bodies.items()]
    await connection.execute(_ERASE_BODIES, arrays_of(_LEFT, rows))


async def restore_variables(
    connection: AsyncConnection, messages: Sequence[DeliveryMessage]
) -> None:
    """Put variables back from messages that are sent again: copies are built from them.

    They may have been erased while the letter still lay in its queue.

    Args:
        connection: In the transaction that holds the notifications.
        messages: What is sent again.
    """
    kept = {
        key: {"id": key, "variables": orjson.dumps(message.variables).decode()}
        for message in messages
        if (key := parse_notification_id(message.notification_id)) is not None
    }
    if kept:
        arguments = {**arrays_of(_KEPT, list(kept.values())), **id_arguments(kept)}
        await connection.execute(_RESTORE, arguments)


async def erase_discarded(connection: AsyncConnection, messages: Sequence[DeliveryMessage]) -> None:
    """Erase variables of those notifications of which nothing can be sent again any more.

    Args:
        connection: In the transaction that holds the notifications.
        messages: Of the letters that were discarded.
    """
    ids = (parse_notification_id(message.notification_id) for message in messages)
    known = {key for key in ids if key is not None}
    await connection.execute(_ERASE_DISCARDED, id_arguments(known))

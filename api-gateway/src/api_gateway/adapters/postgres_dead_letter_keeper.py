"""Keeps dead letters and marks their deliveries, a batch in one transaction."""

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Integer, LargeBinary, Text, Uuid, cast, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from api_gateway.adapters.outcome_merge import merge_outcomes
from api_gateway.adapters.refused_values import refusal_of
from api_gateway.adapters.tables import dead_letters
from api_gateway.adapters.unnested import arrays_of, unnested
from api_gateway.domain.failed_message import NewDeadLetter
from api_gateway.usecases.relay_ports import UnstorableLettersError
from servicekit.database import Database

_LETTER: Final = unnested(
    "letter",
    {
        "id": Uuid(),
        "delivery_id": Uuid(),
        "generation": Integer(),
        "notification_id": Uuid(),
        "notification_type": Text(),
        "client_id": Text(),
        "template_code": Text(),
        "reason": Text(),
        "detail": Text(),
        "body": LargeBinary(),
        "headers": Text(),
        "digest": Text(),
    },
)
_ADD: Final = (
    insert(dead_letters)
    .from_select(
        [column.name for column in _LETTER.c],
        select(
            *(cast(column, JSONB) if column.name == "headers" else column for column in _LETTER.c)
        ),
    )
    .on_conflict_do_nothing()
    .returning(dead_letters.c.id)
)


class PostgresDeadLetterKeeper:
    """Implements `usecases.relay_ports.DeadLetterKeeper`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, letters: Sequence[NewDeadLetter]) -> int:
        """Store letters and merge their events; returns how many were new."""
        # In one order everywhere: two relays may be given the same letters.
        rows = {uuid7(): letter for letter in sorted(letters, key=_order)}
        try:
            async with self._database.transaction() as connection:
                new = await connection.execute(
                    _ADD, arrays_of(_LETTER, [_row(key, one) for key, one in rows.items()])
                )
                added = [rows[key] for key in new.scalars()]
                # Only the first to come tells when it was, so that its copies change nothing.
                await merge_outcomes(connection, [one.event for one in added if one.event])
                return len(added)
        except DBAPIError as error:
            if (state := refusal_of(error)) is None:
                raise
            msg = f"PostgreSQL refused a dead letter: SQLSTATE {state}"
            raise UnstorableLettersError(msg) from error


def _order(letter: NewDeadLetter) -> tuple[str, int, str]:
    return (str(letter.delivery_id), letter.generation, letter.digest)


def _row(key: object, letter: NewDeadLetter) -> dict[str, Any]:
    names = [column.name for column in _LETTER.c if column.name not in {"id", "headers"}]
    return {
        "id": key,
        "headers": json.dumps(letter.headers),
        **{name: getattr(letter, name) for name in names},
    }

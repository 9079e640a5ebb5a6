"""Rows of dead letters as the domain knows them, and which rows a filter means."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, select

from api_gateway.adapters.tables import dead_letters, deliveries
from api_gateway.domain.dead_letter import DeadLetter, LetterFilter, LetterState, Selection

_SHOWN: Final = [column for column in dead_letters.c if column.name not in {"body", "digest"}]

SHOWN_LETTERS: Final[Select[Any]] = select(*_SHOWN, deliveries.c.recipient).select_from(
    dead_letters.outerjoin(
        deliveries,
        and_(
            deliveries.c.notification_id == dead_letters.c.notification_id,
            deliveries.c.id == dead_letters.c.delivery_id,
        ),
    )
)
"""Everything of a letter but its bytes, which may be large."""


def letter_of(row: Row[Any]) -> DeadLetter:
    """A row of `SHOWN_LETTERS`."""
    values = {column.name: getattr(row, column.name) for column in _SHOWN}
    values["state"] = LetterState(row.state)
    return DeadLetter(**values, recipient=row.recipient)


def is_wanted(wanted: LetterFilter, state: LetterState | None) -> ColumnElement[bool]:
    """Whether a letter passes a filter and is in this state; None: in any."""
    column = dead_letters.c
    conditions: list[ColumnElement[bool]] = []
    if state is not None:
        conditions.append(column.state == state.value)
    if wanted.notification_type is not None:
        conditions.append(column.notification_type == wanted.notification_type.value)
    if wanted.reason is not None:
        conditions.append(column.reason == wanted.reason)
    if wanted.template_code is not None:
        conditions.append(column.template_code == wanted.template_code)
    if wanted.received_from is not None:
        conditions.append(column.received_at >= wanted.received_from)
    if wanted.received_to is not None:
        conditions.append(column.received_at < wanted.received_to)
    return and_(True, *conditions)


def is_selected(selection: Selection) -> ColumnElement[bool]:
    """Whether a letter is open and belongs to a selection."""
    is_open = is_wanted(selection.filter, LetterState.OPEN)
    if selection.ids is None:
        return is_open
    ids: list[UUID] = list(selection.ids)
    return and_(is_open, dead_letters.c.id.in_(ids))

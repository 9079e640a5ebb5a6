"""Which rows a list of notifications means."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, true

from api_gateway.adapters.tables import notifications
from api_gateway.domain.identifiers import first_id_of
from api_gateway.domain.notification_filter import NotificationFilter, Visible

_APART: Final = timedelta(minutes=1)
"""Farther than the time in an id ever is from `created_at`: both are taken by one process."""
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def is_listed(visible: Visible, wanted: NotificationFilter) -> ColumnElement[bool]:
    """Whether a notification may be seen and passes a filter.

    Times are turned into ids as well, which keep other months out and are in every index.
    """
    column = notifications.c
    conditions: list[ColumnElement[bool]] = []
    for holder, value in (
        (column.client_id, visible.client_id),
        (column.user_id, visible.user_id),
        (column.user_id, wanted.user_id),
        (column.batch_id, wanted.batch_id),
        (column.template_code, wanted.template_code),
        (column.status, wanted.status),
        (column.notification_type, wanted.notification_type),
    ):
        if value is not None:
            conditions.append(holder == value)
    if wanted.created_from is not None:
        conditions.append(column.created_at >= wanted.created_from)
        if wanted.created_from > datetime.min.replace(tzinfo=UTC) + _APART:
            conditions.append(column.id >= first_id_of(wanted.created_from - _APART))
    if wanted.created_to is not None:
        conditions.append(column.created_at < wanted.created_to)
        if wanted.created_to < _LAST - _APART:
            conditions.append(column.id < first_id_of(wanted.created_to + _APART))
    return and_(true(), *conditions)

"""Reads notifications, their deliveries and their timeline."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select, true

from api_gateway.adapters.tables import deliveries, events, notifications
from api_gateway.domain.notification import Delivery, Notification, TimelineEvent
from contracts.notification import DeviceKind, NotificationStatus, NotificationType
from servicekit.database import Database

COUNTED_ROWS: Final = 10_000
"""Totals are exact up to here; counting further would read what nobody asked for."""


class PostgresHistory:
    """Implements `usecases.ports.History`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, notification_id: UUID) -> Notification | None:
        """One notification with deliveries and timeline."""
        async with self._database.transaction() as connection:
            row = (
                await connection.execute(
                    select(notifications).where(notifications.c.id == notification_id)
                )
            ).first()
            if row is None:
                return None
            delivery_rows = await connection.execute(
                select(deliveries)
                .where(deliveries.c.notification_id == notification_id)
                .order_by(deliveries.c.id)
            )
            event_rows = await connection.execute(
                select(events)
                .where(events.c.notification_id == notification_id)
                .order_by(events.c.generation, events.c.at, events.c.attempt, events.c.id)
            )
            return _notification(
                row,
                deliveries=tuple(_delivery(item) for item in delivery_rows),
                timeline=tuple(_event(item) for item in event_rows),
            )

    async def page(
        self, *, client_id: str | None, user_id: UUID | None, offset: int, limit: int
    ) -> tuple[list[Notification], int]:
        """Notifications, newest first; the total is exact up to `COUNTED_ROWS`."""
        visible = _visible(client_id, user_id)
        counted = select(notifications.c.id).where(visible).limit(COUNTED_ROWS).subquery()
        async with self._database.transaction() as connection:
            total = await connection.scalar(select(func.count()).select_from(counted))
            rows = await connection.execute(
                select(notifications)
                .where(visible)
                .order_by(notifications.c.id.desc())
                .offset(offset)
                .limit(limit)
            )
            return [_notification(row) for row in rows], total or 0


def _visible(client_id: str | None, user_id: UUID | None) -> ColumnElement[bool]:
    if client_id is not None:
        return notifications.c.client_id == client_id
    if user_id is not None:
        return notifications.c.user_id == user_id
    return true()


def _notification(row: Row[Any], **extra: Any) -> Notification:
    values = row._asdict()
    values["notification_type"] = NotificationType(row.notification_type)
    values["status"] = NotificationStatus(row.status)
    return Notification(**values, **extra)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        recipient=row.recipient,
        device_kind=DeviceKind(row.device_kind) if row.device_kind else None,
        status=NotificationStatus(row.status),
        attempts=row.attempts,
        provider=row.provider,
        provider_message_id=row.provider_message_id,
        reason=row.reason,
    )


def _event(row: Row[Any]) -> TimelineEvent:
    return TimelineEvent(
        kind=row.kind,
        status=NotificationStatus(row.status),
        at=row.at,
        delivery_id=row.delivery_id,
        generation=row.generation,
        attempt=row.attempt,
        provider=row.provider,
        provider_message_id=row.provider_message_id,
        reply_code=row.reply_code,
        latency_ms=row.latency_ms,
        reason=row.reason,
        detail=row.detail,
        next_attempt_at=row.next_attempt_at,
    )

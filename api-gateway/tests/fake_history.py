"""The history in memory; `HistorySuite` shows that its lists are PostgreSQL's."""

from dataclasses import replace
from uuid import UUID

from api_gateway.domain.notification import Notification
from api_gateway.domain.notification_filter import NotificationFilter, Visible


class FakeHistory:
    """The history of these notifications."""

    def __init__(self, *known: Notification) -> None:
        self.known = list(known)

    async def find(self, notification_id: UUID) -> Notification | None:
        return next((one for one in self.known if one.id == notification_id), None)

    async def page(
        self,
        visible: Visible,
        wanted: NotificationFilter,
        *,
        after: UUID | None = None,
        offset: int = 0,
        limit: int,
    ) -> list[Notification]:
        listed = [
            one
            for one in sorted(self.known, key=lambda one: one.id, reverse=True)
            if _is_listed(one, visible, wanted) and (after is None or one.id < after)
        ]
        return [
            replace(one, variables={}, deliveries=(), timeline=())
            for one in listed[offset : offset + limit]
        ]

    async def count(self, visible: Visible, wanted: NotificationFilter) -> int:
        return sum(_is_listed(one, visible, wanted) for one in self.known)


def _is_listed(one: Notification, visible: Visible, wanted: NotificationFilter) -> bool:
    pairs = (
        (visible.client_id, one.client_id),
        (visible.user_id, one.user_id),
        (wanted.user_id, one.user_id),
        (wanted.status, one.status),
        (wanted.notification_type, one.notification_type),
        (wanted.template_code, one.template_code),
        (wanted.batch_id, one.batch_id),
    )
    return (
        all(want is None or want == have for want, have in pairs)
        and (wanted.created_from is None or one.created_at >= wanted.created_from)
        and (wanted.created_to is None or one.created_at < wanted.created_to)
    )

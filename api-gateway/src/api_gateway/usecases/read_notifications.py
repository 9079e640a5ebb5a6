"""Read notifications: applications see what they sent, users what was sent to them, admins all."""

from uuid import UUID

from api_gateway.domain.identifiers import parse_notification_id
from api_gateway.domain.notification import Notification
from api_gateway.usecases.ports import History
from servicekit.access import CallerKind, Principal
from servicekit.errors import NotFoundError


class ReadNotifications:
    """Reads the history on behalf of a caller."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def one(self, public_id: str, caller: Principal) -> Notification:
        """One notification with its deliveries and timeline.

        Raises:
            NotFoundError: It does not exist, or it is not the caller's to see.
        """
        notification_id = parse_notification_id(public_id)
        found = await self._history.find(notification_id) if notification_id else None
        if found is None or not _may_see(caller, found):
            msg = f"There is no notification {public_id}."
            raise NotFoundError(msg)
        return found

    async def page(
        self, caller: Principal, *, offset: int, limit: int
    ) -> tuple[list[Notification], int]:
        """What the caller may see, newest first, and how many there are in all."""
        client_id, user_id = None, None
        if not caller.is_admin:
            if caller.kind is CallerKind.USER:
                user_id = UUID(caller.id)
            else:
                client_id = caller.caller_id
        return await self._history.page(
            client_id=client_id, user_id=user_id, offset=offset, limit=limit
        )


def _may_see(caller: Principal, notification: Notification) -> bool:
    if caller.is_admin or notification.client_id == caller.caller_id:
        return True
    return caller.kind is CallerKind.USER and str(notification.user_id) == caller.id

"""Cancel a notification that waits for its time; what has been published cannot be called back."""

from api_gateway.domain.identifiers import parse_notification_id
from api_gateway.domain.notification import Notification
from api_gateway.usecases.ports import NotificationFinder
from api_gateway.usecases.relay_ports import Schedule
from contracts.notification import NotificationStatus
from servicekit.access import Principal
from servicekit.errors import ConflictError, NotFoundError


class CancelNotification:
    """Cancels on behalf of whoever asked for it."""

    def __init__(self, schedule: Schedule, history: NotificationFinder) -> None:
        self._schedule = schedule
        self._history = history

    async def __call__(self, public_id: str, caller: Principal) -> Notification:
        """Cancel one; cancelling it again changes nothing.

        Returns:
            The notification as it is now.

        Raises:
            NotFoundError: It does not exist, or somebody else asked for it.
            ConflictError: It is under way, or over.
        """
        notification_id = parse_notification_id(public_id)
        found = await self._history.find(notification_id) if notification_id else None
        if found is None or not (caller.is_admin or found.client_id == caller.caller_id):
            msg = f"There is no notification {public_id}."
            raise NotFoundError(msg)
        if found.status is NotificationStatus.SCHEDULED:
            await self._schedule.cancel(found.id)
            # Also where a relay was faster: then this says so.
            found = await self._history.find(found.id) or found
        if found.status is not NotificationStatus.CANCELLED:
            msg = f"It is {found.status} and cannot be cancelled any more."
            raise ConflictError(msg)
        return found

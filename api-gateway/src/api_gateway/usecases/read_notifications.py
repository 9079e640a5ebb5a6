"""Read notifications: applications see what they sent, users what was sent to them, admins all."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from api_gateway.domain.identifiers import parse_notification_id
from api_gateway.domain.notification import Notification
from api_gateway.domain.notification_filter import NotificationFilter, Place, Visible
from api_gateway.usecases.ports import History
from servicekit.access import CallerKind, Principal
from servicekit.errors import NotFoundError


@dataclass(frozen=True)
class ListedNotifications:
    """A page of a list.

    Attributes:
        passed: How many lie before it.
        total: How many there are in all, exact up to 10,000.
        following: Where the next page begins; None: this is the last.
    """

    rows: tuple[Notification, ...]
    passed: int
    total: int
    following: Place | None


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
        self, caller: Principal, wanted: NotificationFilter, *, offset: int, limit: int
    ) -> ListedNotifications:
        """Of what the caller may see, newest first: a page by its number."""
        visible = _visible_to(caller)
        total = await self._history.count(visible, wanted)
        rows = await self._history.page(visible, wanted, offset=offset, limit=limit + 1)
        return _listed(rows, limit, offset, total)

    async def page_after(
        self, caller: Principal, wanted: NotificationFilter, place: Place, *, limit: int
    ) -> ListedNotifications:
        """The page that follows upon another.

        Its total is what was counted when the list was begun: counting again for each page would
        cost more than the page.
        """
        rows = await self._history.page(
            _visible_to(caller), wanted, after=place.after, limit=limit + 1
        )
        return _listed(rows, limit, place.passed, place.total)


def _listed(
    rows: Sequence[Notification], limit: int, passed: int, total: int
) -> ListedNotifications:
    """One row more than the page holds was asked for, and tells whether another follows."""
    shown = tuple(rows[:limit])
    following = Place(shown[-1].id, passed + limit, total) if len(rows) > limit else None
    return ListedNotifications(shown, passed, total, following)


def _visible_to(caller: Principal) -> Visible:
    if caller.is_admin:
        return Visible()
    if caller.kind is CallerKind.USER:
        return Visible(user_id=UUID(caller.id))
    return Visible(client_id=caller.caller_id)


def _may_see(caller: Principal, notification: Notification) -> bool:
    if caller.is_admin or notification.client_id == caller.caller_id:
        return True
    return caller.kind is CallerKind.USER and str(notification.user_id) == caller.id

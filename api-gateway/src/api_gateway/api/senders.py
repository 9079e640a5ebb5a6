"""Who may ask for a notification, and to whom."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from contracts.access import Scope
from servicekit.access import Allow, CallerKind, Principal
from servicekit.errors import ForbiddenError

Sender = Annotated[Principal, Depends(Allow(scope=Scope.NOTIFICATIONS_SEND, users=True))]


def refuse_strangers(sender: Principal, user_id: UUID) -> None:
    """Keep a user to themselves.

    Raises:
        ForbiddenError: A user's token, and another user's notification.
    """
    if sender.kind is CallerKind.USER and not sender.is_admin and str(user_id) != sender.id:
        msg = "With a user's token notifications can be sent to that user only."
        raise ForbiddenError(msg)

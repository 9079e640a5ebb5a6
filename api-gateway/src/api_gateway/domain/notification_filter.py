"""Which notifications a list shows, and where in it a page begins."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.notification import NotificationStatus, NotificationType


@dataclass(frozen=True)
class NotificationFilter:
    """What notifications are told apart by; what is None is not asked for.

    Attributes:
        created_from: Stored then or later.
        created_to: Stored before.
    """

    user_id: UUID | None = None
    status: NotificationStatus | None = None
    notification_type: NotificationType | None = None
    template_code: str | None = None
    batch_id: UUID | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True)
class Visible:
    """What a caller may see; both None: everything."""

    client_id: str | None = None
    user_id: UUID | None = None


@dataclass(frozen=True)
class Place:
    """Where a page follows upon what was shown before.

    Attributes:
        after: The last notification that was shown; those that follow are older.
        passed: How many were shown up to there.
        total: How many there were in all when the list was begun.
    """

    after: UUID
    passed: int
    total: int

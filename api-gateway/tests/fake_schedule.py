"""The schedule in memory; `ScheduleSuite` shows that it behaves as PostgreSQL does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from api_gateway.domain.notification import Notification
from api_gateway.domain.release import Release
from contracts.notification import NotificationStatus

NOW, LEASE = timedelta(0), timedelta(seconds=15)


class FakeSchedule:
    """`due` is from now on, and time stands still; `error` is raised instead of anything."""

    def __init__(self) -> None:
        self.notifications: dict[UUID, Notification] = {}
        self.due: dict[UUID, timedelta] = {}
        self.releases: list[Release] = []
        self.error: Exception | None = None

    def put(self, one: Notification, *, due: timedelta = NOW) -> None:
        self.notifications[one.id] = one
        self.due[one.id] = due

    async def lease_due(self, limit: int) -> list[Notification]:
        if self.error is not None:
            raise self.error
        due = sorted(
            (key for key in self.due if self._waits(key) and self.due[key] <= NOW),
            key=lambda key: self.due[key],
        )[:limit]
        for key in due:
            self.due[key] = LEASE
        return [self.notifications[key] for key in due]

    async def release(self, releases: Sequence[Release]) -> int:
        rows = 0
        for release in releases:
            one = release.notification
            if not self._waits(one.id):
                continue
            is_kept = one.status in {NotificationStatus.PENDING, NotificationStatus.SCHEDULED}
            self.notifications[one.id] = one if is_kept else replace(one, variables={})
            self.releases.append(release)
            rows += len(one.deliveries)
        return rows

    async def cancel(self, notification_id: UUID) -> bool:
        if not self._waits(notification_id):
            return False
        waiting = self.notifications[notification_id]
        self.notifications[notification_id] = replace(
            waiting, status=NotificationStatus.CANCELLED, variables={}
        )
        return True

    def _waits(self, key: UUID) -> bool:
        one = self.notifications.get(key)
        return one is not None and one.status is NotificationStatus.SCHEDULED

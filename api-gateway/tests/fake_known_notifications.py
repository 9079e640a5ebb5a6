"""The lookup of reported deliveries in memory; `KnownNotificationsSuite` keeps it honest."""

from uuid import UUID

from api_gateway.domain.notification import Notification
from api_gateway.domain.reported_delivery import KnownDelivery, KnownNotification
from contracts.outcome import DeliveryOutcome


class FakeKnownNotifications:
    """Knows what was `put`."""

    def __init__(self, *known: Notification) -> None:
        self._known = {one.id: one for one in known}

    async def put(self, one: Notification) -> None:
        self._known[one.id] = one

    async def find(self, notification_id: UUID) -> KnownNotification | None:
        one = self._known.get(notification_id)
        if one is None:
            return None
        return KnownNotification(
            one.id,
            one.notification_type,
            one.correlation_id,
            tuple(
                KnownDelivery(item.id, item.generation)
                for item in sorted(one.deliveries, key=lambda item: item.id)
            ),
        )


class FakeOutcomeReports:
    """Keeps what is published; `error` is raised instead."""

    def __init__(self) -> None:
        self.published: list[DeliveryOutcome] = []
        self.error: Exception | None = None

    async def publish(self, outcome: DeliveryOutcome) -> None:
        if self.error is not None:
            raise self.error
        self.published.append(outcome)

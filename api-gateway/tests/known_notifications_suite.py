"""How every `KnownNotifications` behaves; inherited by the tests of the fake and of PostgreSQL."""

from typing import Protocol
from uuid import UUID, uuid4

import pytest
from samples import delivery, notification

from api_gateway.domain.notification import Notification
from api_gateway.domain.reported_delivery import KnownDelivery, KnownNotification
from contracts.notification import NotificationType


class Filled(Protocol):
    async def put(self, one: Notification) -> None: ...

    async def find(self, notification_id: UUID) -> KnownNotification | None: ...


class KnownNotificationsSuite:
    @pytest.fixture
    def known(self) -> Filled:
        raise NotImplementedError

    async def test_finds_a_notification_with_all_of_its_deliveries(self, known: Filled) -> None:
        items = (delivery(), delivery())
        one = notification(
            notification_type=NotificationType.PUSH, correlation_id="corr-7", deliveries=items
        )
        await known.put(one)
        await known.put(notification())
        assert await known.find(one.id) == KnownNotification(
            one.id,
            NotificationType.PUSH,
            "corr-7",
            tuple(KnownDelivery(item.id, 0) for item in items),
        )

    async def test_finds_one_that_has_no_deliveries(self, known: Filled) -> None:
        one = notification(deliveries=())
        await known.put(one)
        found = await known.find(one.id)
        assert found is not None
        assert found.deliveries == ()

    async def test_says_that_there_is_none(self, known: Filled) -> None:
        await known.put(notification())
        assert await known.find(uuid4()) is None

"""How every `History` lists; inherited by the tests of the fake and of PostgreSQL."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from samples import NOW, notification, unused

from api_gateway.domain.identifiers import first_id_of
from api_gateway.domain.notification import Notification
from api_gateway.domain.notification_filter import NotificationFilter, Visible
from api_gateway.usecases.ports import History
from contracts.notification import NotificationStatus, NotificationType

MINUTE = timedelta(minutes=1)
EVERYTHING = Visible()


def stored_at(time: datetime, **changes: Any) -> Notification:
    """Its id says the same time as `created_at`, but for what passed in between."""
    key = UUID(int=first_id_of(time).int | uuid4().int >> 64 | 0x7 << 76)
    return notification(**{"id": key, "created_at": time - timedelta(milliseconds=3), **changes})


@dataclass(frozen=True)
class Listing:
    history: History
    put: Callable[[Notification], Awaitable[object]]

    async def ids(
        self, wanted: NotificationFilter, visible: Visible = EVERYTHING, **page: Any
    ) -> list[UUID]:
        rows = await self.history.page(visible, wanted, **{"limit": 100, **page})
        return [row.id for row in rows]


class HistorySuite:
    @pytest.fixture
    def listing(self) -> Listing:
        raise NotImplementedError

    async def test_pages_hold_what_is_visible_newest_first(self, listing: Listing) -> None:
        mine, theirs, user = unused("application"), unused("application"), uuid4()
        code = unused("code")
        ones = [
            stored_at(NOW + at * MINUTE, client_id=client, user_id=user_id, template_code=code)
            for at, (client, user_id) in enumerate(
                ((mine, user), (theirs, user), (mine, uuid4()), (mine, user))
            )
        ]
        for one in ones:
            await listing.put(one)
        first, second, third, fourth = (one.id for one in ones)
        app, person, nothing = Visible(mine), Visible(user_id=user), NotificationFilter()
        assert await listing.ids(nothing, app) == [fourth, third, first]
        assert await listing.ids(nothing, app, limit=2) == [fourth, third]
        assert await listing.ids(nothing, app, limit=2, offset=2) == [first]
        assert await listing.ids(nothing, app, after=fourth) == [third, first]
        assert await listing.ids(nothing, app, after=second, limit=1) == [first]
        assert await listing.ids(nothing, app, after=first) == []
        assert await listing.ids(nothing, person) == [fourth, second, first]
        assert await listing.history.count(app, nothing) == 3
        assert await listing.history.count(Visible(unused("application")), nothing) == 0
        assert await listing.history.count(EVERYTHING, nothing) >= 4
        everything = NotificationFilter(template_code=code)
        assert await listing.ids(everything) == [fourth, third, second, first]

    async def test_a_row_of_a_list_is_the_notification_without_what_may_be_large(
        self, listing: Listing
    ) -> None:
        one = stored_at(NOW, batch_id=uuid4(), scheduled_at=NOW, expires_at=NOW + MINUTE)
        await listing.put(one)
        [row] = await listing.history.page(
            EVERYTHING, NotificationFilter(batch_id=one.batch_id), limit=10
        )
        assert replace(row, updated_at=one.updated_at) == replace(
            one, variables={}, deliveries=(), timeline=()
        )

    async def test_filters_narrow_down_together(self, listing: Listing) -> None:
        user, batch, code = uuid4(), uuid4(), unused("code")
        features: dict[str, Any] = {
            "user_id": user,
            "status": NotificationStatus.PENDING,
            "notification_type": NotificationType.EMAIL,
            "template_code": code,
            "batch_id": batch,
        }
        others: dict[str, Any] = {
            "user_id": uuid4(),
            "status": NotificationStatus.SUPPRESSED,
            "notification_type": NotificationType.PUSH,
            "template_code": unused("code"),
            "batch_id": None,
        }
        whole = stored_at(NOW, **features)
        await listing.put(whole)
        different = {}
        for name, value in others.items():
            different[name] = stored_at(NOW - MINUTE, **{**features, name: value})
            await listing.put(different[name])
        assert await listing.ids(NotificationFilter(**features)) == [whole.id]
        for name, one in different.items():
            rest = {key: value for key, value in features.items() if key != name}
            assert await listing.ids(NotificationFilter(**rest)) == [whole.id, one.id]
            assert await listing.history.count(EVERYTHING, NotificationFilter(**rest)) == 2

    async def test_what_a_caller_may_not_see_no_filter_shows(self, listing: Listing) -> None:
        one = stored_at(NOW, client_id=unused("application"))
        await listing.put(one)
        wanted = NotificationFilter(user_id=one.user_id)
        for visible in (Visible(unused("application")), Visible(user_id=uuid4())):
            assert await listing.ids(wanted, visible) == []
            assert await listing.history.count(visible, wanted) == 0

    async def test_times_include_the_begin_and_not_the_end(self, listing: Listing) -> None:
        code = unused("code")
        ones = [stored_at(NOW + at * MINUTE, template_code=code) for at in range(3)]
        for one in ones:
            await listing.put(one)
        first, second, third = ones
        instant = timedelta(microseconds=1)

        async def ids(begin: datetime | None, end: datetime | None) -> list[UUID]:
            return await listing.ids(
                NotificationFilter(template_code=code, created_from=begin, created_to=end)
            )

        assert await ids(second.created_at, None) == [third.id, second.id]
        assert await ids(second.created_at + instant, None) == [third.id]
        assert await ids(None, second.created_at) == [first.id]
        assert await ids(None, second.created_at + instant) == [second.id, first.id]
        assert await ids(second.created_at, third.created_at) == [second.id]
        whole = [third.id, second.id, first.id]
        assert (
            await ids(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)) == whole
        )
        assert await ids(datetime(1969, 1, 1, tzinfo=UTC), None) == whole

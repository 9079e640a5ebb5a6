from uuid import uuid4

import pytest
from fake_history import FakeHistory
from samples import notification

from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification_filter import NotificationFilter, Place
from api_gateway.usecases.read_notifications import ReadNotifications
from contracts.access import Role, Scope
from servicekit.access import CallerKind, Principal
from servicekit.errors import NotFoundError

USER_ID, OTHER_USER_ID = uuid4(), uuid4()
BY_APP = notification(client_id="application:a", user_id=USER_ID)
BY_OTHER_APP = notification(client_id="application:b", user_id=OTHER_USER_ID)
BY_THEMSELVES = notification(client_id=f"user:{USER_ID}", user_id=USER_ID)
EVERY = NotificationFilter()
ALL = (BY_APP, BY_OTHER_APP, BY_THEMSELVES)

APP = Principal(CallerKind.APPLICATION, "a", scopes=frozenset({Scope.NOTIFICATIONS_READ}))
ADMIN_APP = Principal(CallerKind.APPLICATION, "z", scopes=frozenset({Scope.ADMIN}))
USER = Principal(CallerKind.USER, str(USER_ID), role=Role.USER)
ADMIN = Principal(CallerKind.USER, str(uuid4()), role=Role.ADMIN)
OTHER_USER = Principal(CallerKind.USER, str(OTHER_USER_ID), role=Role.USER)

VISIBLE = [
    (APP, {BY_APP.id}),
    (USER, {BY_APP.id, BY_THEMSELVES.id}),
    (OTHER_USER, {BY_OTHER_APP.id}),
    (ADMIN, {one.id for one in ALL}),
    (ADMIN_APP, {one.id for one in ALL}),
]


@pytest.mark.parametrize(("caller", "visible"), VISIBLE)
async def test_shows_one_only_to_whom_it_concerns(caller: Principal, visible: set[object]) -> None:
    read = ReadNotifications(FakeHistory(*ALL))
    for one in ALL:
        public_id = public_notification_id(one.id)
        if one.id in visible:
            assert await read.one(public_id, caller) == one
        else:
            with pytest.raises(NotFoundError):
                await read.one(public_id, caller)


@pytest.mark.parametrize(("caller", "visible"), VISIBLE)
async def test_a_list_holds_exactly_what_may_be_read_one_by_one(
    caller: Principal, visible: set[object]
) -> None:
    read = ReadNotifications(FakeHistory(*ALL))
    listed = await read.page(caller, EVERY, offset=0, limit=10)
    assert {row.id for row in listed.rows} == visible
    assert (listed.total, listed.following) == (len(visible), None)


async def test_a_walk_by_places_shows_each_once_and_keeps_the_total_it_began_with() -> None:
    history = FakeHistory(*(notification() for _ in range(5)))
    read = ReadNotifications(history)
    ids = sorted((one.id for one in history.known), reverse=True)
    first = await read.page(ADMIN, EVERY, offset=0, limit=2)
    assert first.following == Place(ids[1], 2, 5)
    history.known.append(notification())  # newer, and of no concern to this walk
    second = await read.page_after(ADMIN, EVERY, first.following, limit=2)
    assert second.following == Place(ids[3], 4, 5)
    third = await read.page_after(ADMIN, EVERY, second.following, limit=2)
    assert (third.passed, third.total, third.following) == (4, 5, None)
    assert [row.id for page in (first, second, third) for row in page.rows] == ids


async def test_a_page_by_number_tells_where_the_next_one_begins() -> None:
    history = FakeHistory(*(notification() for _ in range(5)))
    ids = sorted((one.id for one in history.known), reverse=True)
    listed = await ReadNotifications(history).page(ADMIN, EVERY, offset=2, limit=2)
    assert ([row.id for row in listed.rows], listed.passed) == (ids[2:4], 2)
    assert listed.following == Place(ids[3], 4, 5)


@pytest.mark.parametrize("public_id", ["notif_", "x", public_notification_id(uuid4())])
async def test_what_does_not_exist_is_told_like_what_is_hidden(public_id: str) -> None:
    with pytest.raises(NotFoundError, match="There is no notification"):
        await ReadNotifications(FakeHistory(*ALL)).one(public_id, ADMIN)

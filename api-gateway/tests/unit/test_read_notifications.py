from uuid import uuid4

import pytest
from fake_ports import FakeHistory
from samples import notification

from api_gateway.domain.identifiers import public_notification_id
from api_gateway.usecases.read_notifications import ReadNotifications
from contracts.access import Role, Scope
from servicekit.access import CallerKind, Principal
from servicekit.errors import NotFoundError

USER_ID, OTHER_USER_ID = uuid4(), uuid4()
BY_APP = notification(client_id="application:a", user_id=USER_ID)
BY_OTHER_APP = notification(client_id="application:b", user_id=OTHER_USER_ID)
BY_THEMSELVES = notification(client_id=f"user:{USER_ID}", user_id=USER_ID)
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
    rows, total = await ReadNotifications(FakeHistory(*ALL)).page(caller, offset=0, limit=10)
    assert {row.id for row in rows} == visible
    assert total == len(visible)


@pytest.mark.parametrize("public_id", ["notif_", "x", public_notification_id(uuid4())])
async def test_what_does_not_exist_is_told_like_what_is_hidden(public_id: str) -> None:
    with pytest.raises(NotFoundError, match="There is no notification"):
        await ReadNotifications(FakeHistory(*ALL)).one(public_id, ADMIN)

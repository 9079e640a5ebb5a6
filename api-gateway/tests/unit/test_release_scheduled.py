"""Releasing and cancelling, with fakes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fake_ports import FakeCategories, FakeDirectory
from fake_schedule import FakeSchedule
from samples import NOW, live_version, template, user
from schedule_suite import FilledSchedule, ScheduleSuite, waiting
from uuid_utils.compat import uuid7

from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification import Notification
from api_gateway.domain.release import Release, ReleaseEvent, decide_release
from api_gateway.usecases.cancel_notification import CancelNotification
from api_gateway.usecases.release_scheduled import BATCH, ReleaseScheduled
from contracts.access import Role
from contracts.category import BUILT_IN
from contracts.notification import NotificationStatus as Status
from contracts.preferences import ChannelPreferences
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.access import CallerKind, Principal
from servicekit.errors import ConflictError, NotFoundError, UnavailableError

APPLICATION = Principal(CallerKind.APPLICATION, "a")


class FilledFake:
    def __init__(self) -> None:
        self.schedule = FakeSchedule()

    async def put(self, one: Notification, *, due: timedelta) -> None:
        self.schedule.put(one, due=due)

    async def status(self, one: Notification) -> Status:
        return self.schedule.notifications[one.id].status

    async def variables(self, one: Notification) -> dict[str, Any]:
        return self.schedule.notifications[one.id].variables


class TestFakeSchedule(ScheduleSuite):
    @pytest.fixture
    def filled(self) -> FilledSchedule:
        return FilledFake()


def decided(
    recipient: UserSnapshot | None, live: TemplateSnapshot | None, **changes: Any
) -> Release:
    return decide_release(waiting(**changes), recipient, live, NOW, uuid7, BUILT_IN)


def test_what_is_due_is_sent_as_it_is_right_by_now() -> None:
    recipient = user(email="new@example.com", language="de")
    live = template(languages={"en": live_version(3), "de": live_version(9)}, category="billing")
    release = decided(recipient, live)
    one = release.notification
    assert (release.event, one.status, one.reason) == (ReleaseEvent.RELEASED, Status.PENDING, None)
    assert [each.recipient for each in one.deliveries] == ["new@example.com"]
    assert (one.language, one.template_version, one.category) == ("de", 9, "billing")


def test_what_the_request_named_counts_again() -> None:
    live = template(languages={"en": live_version(3), "de": live_version(9)})
    one = decided(user(language="en"), live, requested_language="de", requested_priority=9)
    assert (one.notification.language, one.notification.priority) == ("de", 9)


@pytest.mark.parametrize(
    ("recipient", "live", "event", "status", "reason"),
    [
        (
            user(preferences=ChannelPreferences(email=False)),
            template(),
            *("suppressed", Status.SUPPRESSED, "notification_preference_disabled"),
        ),
        (None, template(), "failed", Status.FAILED, "user_not_found"),
        (user(), None, "failed", Status.FAILED, "template_not_found"),
        (
            user(),
            template(languages={"en": live_version(1, required=("new",))}),
            *("failed", Status.FAILED, "missing_variables"),
        ),
    ],
)
def test_what_cannot_be_sent_any_more_says_why(
    recipient: UserSnapshot | None,
    live: TemplateSnapshot | None,
    event: str,
    status: Status,
    reason: str,
) -> None:
    release = decided(recipient, live)
    one = release.notification
    assert (release.event, one.status, one.reason) == (event, status, reason)
    assert one.deliveries == ()
    assert (release.note is not None) == (status is Status.FAILED)


def test_what_has_expired_meanwhile_is_not_sent() -> None:
    release = decided(user(), template(), expires_at=NOW)
    assert (release.event, release.notification.status) == ("expired", Status.EXPIRED)


class Relay:
    """The use case with its fakes."""

    def __init__(self) -> None:
        self.user, self.template = user(), template()
        self.users: FakeDirectory[UUID, UserSnapshot] = FakeDirectory(
            {self.user.user_id: self.user}
        )
        self.templates: FakeDirectory[str, TemplateSnapshot] = FakeDirectory(
            {self.template.code: self.template}
        )
        self.categories = FakeCategories()
        self.schedule = FakeSchedule()
        self.release = ReleaseScheduled(
            schedule=self.schedule,
            users=self.users,
            templates=self.templates,
            categories=self.categories,
            now=lambda: NOW,
            new_id=uuid7,
        )

    def waits(self, **changes: Any) -> Notification:
        values = {"user_id": self.user.user_id, "template_code": self.template.code}
        one = waiting(**{**values, **changes})
        self.schedule.put(one)
        return one


@pytest.fixture
def relay() -> Relay:
    return Relay()


async def test_releases_batch_by_batch(relay: Relay) -> None:
    for _ in range(BATCH + 1):
        relay.waits()
    assert [await relay.release() for _ in range(3)] == [BATCH, 1, 0]
    assert len(relay.schedule.releases) == BATCH + 1


async def test_of_whom_nothing_can_be_said_waits_and_costs_the_others_nothing(
    relay: Relay,
) -> None:
    other = user()
    known, unknown = relay.waits(), relay.waits(user_id=other.user_id)
    relay.users.error = UnavailableError("away")
    relay.users.copies[relay.user.user_id] = relay.user
    assert await relay.release() == 2
    [released] = relay.schedule.releases
    assert released.notification.id == known.id
    assert released.note == "decided with an old copy of the user: the owner did not answer"
    assert relay.schedule.notifications[unknown.id].status is Status.SCHEDULED


async def test_without_the_database_nothing_is_released(relay: Relay) -> None:
    relay.waits()
    relay.schedule.error = UnavailableError("away")
    with pytest.raises(UnavailableError):
        await relay.release()
    assert relay.schedule.releases == []


class Desk:
    """Cancelling, with a history that sees what the schedule does."""

    def __init__(self, one: Notification) -> None:
        self.one = one
        self.schedule = FakeSchedule()
        self.schedule.put(one)
        self.cancel = CancelNotification(self.schedule, self)

    async def find(self, notification_id: UUID) -> Notification | None:
        return self.schedule.notifications.get(notification_id)


@pytest.mark.parametrize(
    "caller", [APPLICATION, Principal(CallerKind.USER, str(uuid4()), role=Role.ADMIN)]
)
async def test_who_asked_for_it_or_an_admin_can_cancel_what_waits(caller: Principal) -> None:
    desk = Desk(waiting())
    for _ in range(2):
        cancelled = await desk.cancel(public_notification_id(desk.one.id), caller)
        assert cancelled.status is Status.CANCELLED


@pytest.mark.parametrize("status", [Status.PENDING, Status.DELIVERED, Status.SUPPRESSED])
async def test_what_is_under_way_or_over_cannot_be_cancelled(status: Status) -> None:
    desk = Desk(replace(waiting(), status=status))
    with pytest.raises(ConflictError, match=status.value):
        await desk.cancel(public_notification_id(desk.one.id), APPLICATION)


async def test_others_cannot_even_see_it() -> None:
    desk = Desk(waiting())
    for caller in (
        Principal(CallerKind.APPLICATION, "b"),
        Principal(CallerKind.USER, str(desk.one.user_id)),
    ):
        with pytest.raises(NotFoundError):
            await desk.cancel(public_notification_id(desk.one.id), caller)
    with pytest.raises(NotFoundError):
        await desk.cancel(public_notification_id(uuid7()), APPLICATION)
    with pytest.raises(NotFoundError):
        await desk.cancel("notif_x", APPLICATION)
    assert (await desk.find(desk.one.id)) == desk.one

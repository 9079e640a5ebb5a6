"""How every `Schedule` behaves; inherited by the tests of the fake and of PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import pytest
from samples import NOW, delivery, notification

from api_gateway.domain.notification import Notification
from api_gateway.domain.release import Release, ReleaseEvent
from api_gateway.usecases.relay_ports import Schedule
from contracts.notification import NotificationStatus as Status


class FilledSchedule(Protocol):
    """A schedule, and how to put something into it."""

    @property
    def schedule(self) -> Schedule: ...

    async def put(self, one: Notification, *, due: timedelta) -> None:
        """Have it wait; `due` from now on."""
        ...

    async def status(self, one: Notification) -> Status:
        """What became of it."""
        ...

    async def variables(self, one: Notification) -> dict[str, Any]:
        """What is kept of what it would say."""
        ...


DUE = timedelta(seconds=-1)


def waiting(**changes: object) -> Notification:
    return notification(status=Status.SCHEDULED, scheduled_at=NOW, deliveries=(), **changes)


def released(one: Notification) -> Release:
    sent = replace(one, status=Status.PENDING, deliveries=(delivery(), delivery()))
    return Release(sent, ReleaseEvent.RELEASED)


class ScheduleSuite:
    @pytest.fixture
    def filled(self) -> FilledSchedule:
        raise NotImplementedError

    async def test_takes_what_is_due_once(self, filled: FilledSchedule) -> None:
        due, later = waiting(), waiting()
        await filled.put(due, due=DUE)
        await filled.put(later, due=timedelta(hours=1))
        assert [one.id for one in await filled.schedule.lease_due(10)] == [due.id]
        assert await filled.schedule.lease_due(10) == []

    async def test_takes_no_more_than_asked_for_and_the_longest_due_first(
        self, filled: FilledSchedule
    ) -> None:
        ones = [waiting() for _ in range(3)]
        for number, one in enumerate(ones):
            await filled.put(one, due=timedelta(seconds=-10 + number))
        taken = {one.id for one in await filled.schedule.lease_due(2)}
        assert taken == {ones[0].id, ones[1].id}
        assert [one.id for one in await filled.schedule.lease_due(2)] == [ones[2].id]

    async def test_what_is_sent_gets_an_outbox_row_for_each_delivery(
        self, filled: FilledSchedule
    ) -> None:
        one = waiting()
        await filled.put(one, due=DUE)
        release = released(one)
        assert await filled.schedule.release([release]) == 2
        assert await filled.status(one) is Status.PENDING

    async def test_releasing_again_does_nothing(self, filled: FilledSchedule) -> None:
        one = waiting()
        await filled.put(one, due=DUE)
        assert await filled.schedule.release([released(one)]) == 2
        assert await filled.schedule.release([released(one)]) == 0

    async def test_what_is_put_off_again_waits_again(self, filled: FilledSchedule) -> None:
        one = waiting()
        await filled.put(one, due=DUE)
        [taken] = await filled.schedule.lease_due(10)
        again = replace(taken, scheduled_at=NOW + timedelta(days=10_000))
        assert await filled.schedule.release([Release(again, ReleaseEvent.SCHEDULED)]) == 0
        assert await filled.status(one) is Status.SCHEDULED
        assert await filled.schedule.lease_due(10) == []

    async def test_what_is_cancelled_is_neither_due_nor_released(
        self, filled: FilledSchedule
    ) -> None:
        one = waiting()
        await filled.put(one, due=DUE)
        assert await filled.schedule.cancel(one.id)
        assert not await filled.schedule.cancel(one.id)
        assert await filled.schedule.lease_due(10) == []
        assert await filled.schedule.release([released(one)]) == 0
        assert await filled.status(one) is Status.CANCELLED
        assert await filled.variables(one) == {}

    @pytest.mark.parametrize("status", [Status.SUPPRESSED, Status.EXPIRED, Status.FAILED])
    async def test_what_is_not_sent_keeps_nothing_that_it_would_have_said(
        self, filled: FilledSchedule, status: Status
    ) -> None:
        one, other = waiting(), waiting()
        await filled.put(one, due=DUE)
        await filled.put(other, due=DUE)
        ended = Release(replace(one, status=status), ReleaseEvent(status.value))
        await filled.schedule.release([ended, released(other)])
        assert (await filled.status(one), await filled.variables(one)) == (status, {})
        assert await filled.variables(other) == other.variables

    async def test_what_was_released_cannot_be_cancelled(self, filled: FilledSchedule) -> None:
        one = waiting()
        await filled.put(one, due=DUE)
        await filled.schedule.release([released(one)])
        assert not await filled.schedule.cancel(one.id)
        assert await filled.status(one) is Status.PENDING

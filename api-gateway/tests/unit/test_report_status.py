from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fake_known_notifications import FakeKnownNotifications, FakeOutcomeReports
from samples import NOW, delivery, notification

from api_gateway.domain.identifiers import public_notification_id
from api_gateway.domain.notification import Notification
from api_gateway.usecases.report_status import ReportStatus
from contracts.notification import NotificationType
from contracts.outcome import OutcomeKind
from contracts.status_report import StatusReport
from servicekit.errors import NotFoundError, UnavailableError, UnprocessableContentError

EMAIL, PUSH = NotificationType.EMAIL, NotificationType.PUSH
ONE = notification(correlation_id="corr-9", deliveries=(delivery(generation=2),))
TWO = notification(notification_type=PUSH, deliveries=(delivery(), delivery()))
NONE = notification(deliveries=())


@pytest.fixture
def reports() -> FakeOutcomeReports:
    return FakeOutcomeReports()


@pytest.fixture
def report_status(reports: FakeOutcomeReports) -> ReportStatus:
    return ReportStatus(FakeKnownNotifications(ONE, TWO, NONE), reports, now=lambda: NOW)


def report(one: Notification | UUID, **changes: Any) -> StatusReport:
    notification_id = one if isinstance(one, UUID) else one.id
    return StatusReport.model_validate(
        {
            "notification_id": public_notification_id(notification_id),
            "status": "delivered",
            **changes,
        }
    )


async def test_publishes_what_was_reported_of_the_only_delivery(
    report_status: ReportStatus, reports: FakeOutcomeReports
) -> None:
    outcome = await report_status(report(ONE, attempt=1, provider="smtp"), EMAIL)
    assert reports.published == [outcome]
    assert (outcome.kind, outcome.at, outcome.provider) == (OutcomeKind.SENT, NOW, "smtp")
    assert (outcome.delivery_id, outcome.generation) == (ONE.deliveries[0].id, 2)
    assert (outcome.correlation_id, outcome.attempt) == ("corr-9", 1)


async def test_names_one_of_several_deliveries_and_an_earlier_generation(
    report_status: ReportStatus, reports: FakeOutcomeReports
) -> None:
    await report_status(report(TWO, delivery_id=TWO.deliveries[1].id), PUSH)
    await report_status(report(ONE, generation=1), EMAIL)
    assert [(one.delivery_id, one.generation) for one in reports.published] == [
        (TWO.deliveries[1].id, 0),
        (ONE.deliveries[0].id, 1),
    ]


async def test_a_repeat_is_the_same_event(
    report_status: ReportStatus, reports: FakeOutcomeReports
) -> None:
    for _ in range(2):
        await report_status(report(ONE, status="failed", error="gone"), EMAIL)
    first, second = reports.published
    assert first == second


@pytest.mark.parametrize(
    ("asked", "channel"),
    [
        (report(uuid4()), EMAIL),
        (report(ONE, delivery_id=TWO.deliveries[0].id), EMAIL),
        (report(NONE, delivery_id=uuid4()), EMAIL),
    ],
)
async def test_what_does_not_exist_or_belongs_elsewhere_is_not_found(
    report_status: ReportStatus,
    reports: FakeOutcomeReports,
    asked: StatusReport,
    channel: NotificationType,
) -> None:
    with pytest.raises(NotFoundError):
        await report_status(asked, channel)
    assert reports.published == []


@pytest.mark.parametrize(
    ("asked", "channel", "field"),
    [
        (report(TWO), PUSH, "delivery_id"),
        (report(NONE), EMAIL, "delivery_id"),
        (report(ONE), PUSH, "notification_id"),
        (report(ONE, generation=3), EMAIL, "generation"),
    ],
)
async def test_names_the_field_that_contradicts_the_notification(
    report_status: ReportStatus,
    reports: FakeOutcomeReports,
    asked: StatusReport,
    channel: NotificationType,
    field: str,
) -> None:
    with pytest.raises(UnprocessableContentError, match=field) as caught:
        await report_status(asked, channel)
    assert [detail.field for detail in caught.value.details or []] == [field]
    assert reports.published == []


async def test_a_broker_that_is_away_is_told_to_the_reporter(
    report_status: ReportStatus, reports: FakeOutcomeReports
) -> None:
    reports.error = UnavailableError("away", retry_after=10)
    with pytest.raises(UnavailableError):
        await report_status(report(ONE), EMAIL)


async def test_nothing_is_recorded_as_later_than_it_was_heard(
    report_status: ReportStatus, reports: FakeOutcomeReports
) -> None:
    later, earlier = NOW + timedelta(days=1), NOW - timedelta(days=1)
    for at in (later, earlier):
        await report_status(report(ONE, timestamp=at.isoformat()), EMAIL)
    assert [one.at for one in reports.published] == [NOW, earlier]

"""Take what one of our services reports of a delivery, and publish it like a worker's outcome.

Nothing is written here: the relay records it, so there is one way in which state changes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from api_gateway.domain.identifiers import parse_notification_id
from api_gateway.domain.reported_delivery import (
    KnownNotification,
    MisdirectedReportError,
    UnknownDeliveryError,
    reported_delivery,
)
from contracts.envelope import ErrorDetail
from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome
from contracts.status_report import StatusReport, outcome_of_report
from servicekit.errors import NotFoundError, UnprocessableContentError


class KnownNotifications(Protocol):
    """Says what exists."""

    async def find(self, notification_id: UUID, /) -> KnownNotification | None:
        """One notification and its deliveries; holds nothing afterwards.

        Raises:
            DatabaseUnavailableError: It cannot be said now.
        """
        ...


class OutcomeReports(Protocol):
    """Takes outcomes to where the relay reads them."""

    async def publish(self, outcome: DeliveryOutcome) -> None:
        """Return when the broker has it.

        Raises:
            UnavailableError: It may not have it; publishing it again is harmless.
        """
        ...


class ReportStatus:
    """Finds the delivery and publishes.

    Args:
        known: What exists.
        reports: Where outcomes go.
        now: The aware time.
    """

    def __init__(
        self, known: KnownNotifications, reports: OutcomeReports, *, now: Callable[[], datetime]
    ) -> None:
        self._known = known
        self._reports = reports
        self._now = now

    async def __call__(self, report: StatusReport, channel: NotificationType) -> DeliveryOutcome:
        """Publish a report; doing so again changes nothing.

        Args:
            report: What is said.
            channel: Whose deliveries it is said of.

        Raises:
            NotFoundError: There is no such notification, or it has no such delivery.
            UnprocessableContentError: The notification is another channel's, the delivery has to
                be named, or the generation has not begun.
            UnavailableError: The report may not have been taken; repeat it.
        """
        notification_id = parse_notification_id(report.notification_id)
        found = await self._known.find(notification_id) if notification_id else None
        if found is None:
            msg = f"There is no notification {report.notification_id}."
            raise NotFoundError(msg)
        try:
            delivery = reported_delivery(
                found,
                channel=channel,
                delivery_id=report.delivery_id,
                generation=report.generation,
            )
        except UnknownDeliveryError as error:
            msg = f"The notification {report.notification_id} has no such delivery."
            raise NotFoundError(msg) from error
        except MisdirectedReportError as error:
            raise UnprocessableContentError(
                f"The request is not valid: {error.field}.",
                details=[ErrorDetail(field=error.field, code=error.code, message=str(error))],
            ) from error
        outcome = outcome_of_report(
            report,
            delivery_id=delivery.id,
            generation=delivery.generation,
            now=self._now(),
            correlation_id=found.correlation_id,
        )
        await self._reports.publish(outcome)
        return outcome

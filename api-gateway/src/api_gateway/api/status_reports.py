"""`/email/status`, `/push/status`: what our own services report of deliveries."""

from typing import Final

from fastapi import APIRouter, Depends, Request

from api_gateway.usecases.report_status import ReportStatus
from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationType
from contracts.status_report import StatusReport, TakenReport
from servicekit.access import Allow
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.responses import ok

REPORTERS: Final = ("email-service", "push-service")

router: Final = APIRouter(tags=["status reports"], route_class=JsonRoute)

_SERVICES: Final = Depends(Allow(services=REPORTERS))


@router.post(
    "/email/status",
    status_code=202,
    dependencies=[_SERVICES],
    responses=errors(ErrorCode.NOT_FOUND),
    summary="Report what happened to an email",
)
async def report_email(report: StatusReport, request: Request) -> Envelope[TakenReport]:
    """202: the broker has it, and the history shows it soon. Repeating it changes nothing."""
    return await _take(report, NotificationType.EMAIL, request)


@router.post(
    "/push/status",
    status_code=202,
    dependencies=[_SERVICES],
    responses=errors(ErrorCode.NOT_FOUND),
    summary="Report what happened to a push",
)
async def report_push(report: StatusReport, request: Request) -> Envelope[TakenReport]:
    """202: the broker has it, and the history shows it soon. Repeating it changes nothing."""
    return await _take(report, NotificationType.PUSH, request)


async def _take(
    report: StatusReport, channel: NotificationType, request: Request
) -> Envelope[TakenReport]:
    report_status: ReportStatus = request.app.state.report_status
    outcome = await report_status(report, channel)
    return ok(TakenReport.of(report, outcome), "The report was taken.")

"""`POST /status`: what one of our services reports of a delivery, published like a worker's own.

A worker has no database. So the report names its delivery, and one of which there is none ends
among the dead letters, as an outcome from a queue does.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from contracts.envelope import Envelope
from contracts.outcome import DeliveryOutcome
from contracts.status_report import DeliveryStatusReport, TakenReport, outcome_of_report
from servicekit.access import Allow
from servicekit.correlation import current_correlation_id, new_correlation_id
from servicekit.json_route import JsonRoute
from servicekit.responses import ok

REPORTERS: Final = ("api-gateway", "email-service", "push-service")
"""Who may report; of them, those whose tokens `SERVICE_TOKENS` holds."""

router: Final = APIRouter(prefix="/status", tags=["status reports"], route_class=JsonRoute)

Publish = Callable[[Sequence[DeliveryOutcome]], Awaitable[None]]


def _publish(request: Request) -> Publish:
    publish: Publish = request.app.state.publish_outcomes
    return publish


@router.post(
    "",
    status_code=202,
    dependencies=[Depends(Allow(services=REPORTERS))],
    summary="Report what happened to a delivery",
)
async def take_report(
    report: DeliveryStatusReport, publish: Annotated[Publish, Depends(_publish)]
) -> Envelope[TakenReport]:
    """202: the broker has it. Repeating a report changes nothing."""
    outcome = outcome_of_report(
        report,
        delivery_id=report.delivery_id,
        generation=report.generation,
        now=datetime.now(UTC),
        correlation_id=current_correlation_id() or new_correlation_id(),
    )
    await publish([outcome])
    return ok(TakenReport.of(report, outcome), "The report was taken.")

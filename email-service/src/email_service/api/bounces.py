"""Where a mail server pipes the bounces of our mails to."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from contracts.envelope import Envelope
from contracts.outcome import OutcomeKind
from email_service.usecases.record_bounce import Publish, RecordBounce
from servicekit.access import Allow
from servicekit.correlation import current_correlation_id, new_correlation_id
from servicekit.responses import ok

MAIL_SERVER: Final = "mta"
"""Who may call: the name before the colon in `SERVICE_TOKENS`."""

router: Final = APIRouter(prefix="/providers/smtp", tags=["providers"])

_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class BounceAnswer(BaseModel):
    """What a report was taken for."""

    recorded: OutcomeKind | None = Field(description="None: good news, which was known.")
    suppressed: bool = Field(description="Nothing more will be sent to the address.")


def _record_bounce(request: Request) -> RecordBounce:
    record_bounce: RecordBounce = request.app.state.record_bounce
    return record_bounce


def _publish(request: Request) -> Publish:
    publish: Publish = request.app.state.publish_outcomes
    return publish


@router.post(
    "/bounces",
    status_code=202,
    dependencies=[Depends(Allow(services=(MAIL_SERVER,)))],
    summary="A delivery status report (RFC 3464), as the mail server received it",
    openapi_extra=_BODY,
)
async def receive_bounce(
    request: Request,
    response: Response,
    record_bounce: Annotated[RecordBounce, Depends(_record_bounce)],
    publish: Annotated[Publish, Depends(_publish)],
) -> Envelope[BounceAnswer]:
    """202: recorded. 200: nothing to record. 422: no report about a mail of ours. 503: later."""
    correlation_id = current_correlation_id() or new_correlation_id()
    outcome = await record_bounce(await request.body(), publish, correlation_id)
    if outcome is None:
        response.status_code = 200
        return ok(BounceAnswer(recorded=None, suppressed=False), "There is nothing to record.")
    answer = BounceAnswer(recorded=outcome.kind, suppressed=outcome.suppression is not None)
    return ok(answer, "The report is recorded.")

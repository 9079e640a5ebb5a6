"""Where a mail server pipes the bounces of our mails to."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from contracts.outcome import OutcomeKind
from email_service.usecases.record_bounce import Publish, RecordBounce
from servicekit.access import Allow
from servicekit.correlation import current_correlation_id, new_correlation_id
from servicekit.documented_errors import errors
from servicekit.responses import ok

MAIL_SERVER: Final = "mta"
"""Who may call: the name before the colon in `SERVICE_TOKENS`."""

router: Final = APIRouter(prefix="/providers/smtp", tags=["providers"])

_EXAMPLE: Final = """\
From: MAILER-DAEMON@mx.example.net
To: bounces@example.com
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; john@example.com
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: <0193f1a0-7c1b-7d55-8f21-5b1f0c9e7a42.1.seal@example.com>

--b--
"""
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "message/rfc822": {
                "schema": {"type": "string", "format": "binary"},
                "example": _EXAMPLE,
            }
        },
    }
}


class BounceAnswer(BaseModel):
    """What a report was taken for."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"recorded": "bounced", "suppressed": True}}
    )

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
    responses={
        200: {"model": Envelope[BounceAnswer], "description": "There is nothing to record."},
        **errors(ErrorCode.VALIDATION_FAILED),
    },
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

"""Where SendGrid's event webhook posts to."""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from contracts.envelope import Envelope
from contracts.error_codes import ErrorCode
from email_service.usecases.record_sendgrid_events import (
    Publish,
    RecordSendGridEvents,
    SignedPost,
)
from servicekit.access import PUBLIC_MARK
from servicekit.correlation import current_correlation_id, new_correlation_id
from servicekit.documented_errors import errors
from servicekit.errors import NotFoundError
from servicekit.responses import ok

router: Final = APIRouter(prefix="/providers/sendgrid", tags=["providers"])

_EVENT: Final = {
    "event": "bounce",
    "type": "bounce",
    "email": "john@example.com",
    "timestamp": 1796126400,
    "sg_event_id": "ZXZlbnQ",
    "status": "5.1.1",
    "reason": "550 5.1.1 no such user",
}
_EXTRA: Final = {
    "x-access": PUBLIC_MARK,  # SendGrid has no credentials of ours; its signature is checked
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}},
                "example": [_EVENT],
            }
        },
    },
}


class EventsAnswer(BaseModel):
    """What became of a post's events."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"recorded": 2, "passed_over": 1, "foreign": 0}}
    )

    recorded: int = Field(description="Of our deliveries; repeats change nothing.")
    passed_over: int = Field(description="Of kinds that are not recorded: opened, clicked …")
    foreign: int = Field(description="About no mail of ours, or not readable.")


@router.post(
    "/events",
    openapi_extra=_EXTRA,
    summary="Events of SendGrid's signed webhook",
    responses=errors(
        ErrorCode.MALFORMED_REQUEST,
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.NOT_FOUND,
        ErrorCode.DEPENDENCY_UNAVAILABLE,
    ),
)
async def receive_events(
    request: Request,
    timestamp: Annotated[str, Header(alias="X-Twilio-Email-Event-Webhook-Timestamp")] = "",
    signature: Annotated[str, Header(alias="X-Twilio-Email-Event-Webhook-Signature")] = "",
) -> Envelope[EventsAnswer]:
    """200: taken. 401: not signed by SendGrid. 503: later, and SendGrid repeats the post."""
    record: RecordSendGridEvents | None = request.app.state.record_sendgrid_events
    if record is None:
        msg = "This service takes no events of SendGrid's: SENDGRID_WEBHOOK_PUBLIC_KEY is not set."
        raise NotFoundError(msg)
    publish: Publish = request.app.state.publish_outcomes
    post = SignedPost(timestamp, signature, await request.body())
    correlation_id = current_correlation_id() or new_correlation_id()
    count = await record(post, publish, correlation_id)
    answer = EventsAnswer(
        recorded=count.recorded, passed_over=count.passed_over, foreign=count.foreign
    )
    return ok(answer, "The events are recorded.")

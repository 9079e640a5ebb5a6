"""`/notifications/explain`: what would become of a notification, and why."""

from fastapi import APIRouter, Request

from api_gateway.api.explanation_schemas import ExplanationView
from api_gateway.api.idempotency_key import IDEMPOTENCY_KEY, request_id_of
from api_gateway.api.schemas import SendNotification
from api_gateway.api.senders import Sender, refuse_strangers
from api_gateway.usecases.explain_notification import ExplainNotification
from contracts.envelope import Envelope
from servicekit.json_route import JsonRoute
from servicekit.responses import ok

router = APIRouter(prefix="/notifications", tags=["notifications"], route_class=JsonRoute)


@router.post(
    "/explain",
    summary="What would become of a notification, and why",
    openapi_extra={"parameters": [IDEMPOTENCY_KEY]},
)
async def explain(
    sender: Sender, body: SendNotification, request: Request
) -> Envelope[ExplanationView]:
    """Takes what sending takes. Stores nothing, sends nothing, and uses up no `request_id`.

    Unknown users and templates, and everything else that sending would refuse, are reasons in the
    answer; what is told is what would be decided now about a new `request_id`.
    """
    refuse_strangers(sender, body.user_id)
    asked = body.to_domain(request_id_of(request.headers, body.request_id))
    use_case: ExplainNotification = request.app.state.explain_notification
    view = ExplanationView.of(asked, await use_case(asked, sender.caller_id))
    return ok(view, _message(view))


def _message(view: ExplanationView) -> str:
    if view.would_send:
        return "It would be sent." if view.scheduled_until is None else "It would be sent later."
    return f"It would not be sent: {', '.join(dict.fromkeys(one.code for one in view.reasons))}."

"""`/notifications`: send one, read one, list them."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from api_gateway.api.callers import RATE_HEADERS, caller_of, tell_rate
from api_gateway.api.cursor import decode_cursor, encode_cursor
from api_gateway.api.idempotency_key import IDEMPOTENCY_KEY, request_id_of
from api_gateway.api.notification_query import NotificationQuery
from api_gateway.api.refusals import REFUSALS, UNSENT
from api_gateway.api.schemas import (
    AcceptedNotification,
    NotificationSummary,
    NotificationView,
    SendNotification,
)
from api_gateway.api.senders import Sender, refuse_strangers
from api_gateway.usecases.accept_notification import Accepted, AcceptNotification
from api_gateway.usecases.cancel_notification import CancelNotification
from api_gateway.usecases.read_notifications import ReadNotifications
from contracts.access import Scope
from contracts.envelope import Envelope, PageMeta
from contracts.error_codes import ErrorCode
from servicekit.access import Allow, Principal
from servicekit.documented_errors import errors
from servicekit.json_route import JsonRoute
from servicekit.pagination import PageQuery
from servicekit.responses import ok, rendered

router = APIRouter(prefix="/notifications", tags=["notifications"], route_class=JsonRoute)

REPLAYED_HEADER = "Idempotent-Replayed"
REPLAYED: Final = {
    REPLAYED_HEADER: {"schema": {"const": "true"}, "description": "It had been accepted before."}
}

Reader = Annotated[Principal, Depends(Allow(scope=Scope.NOTIFICATIONS_READ, users=True))]


@router.post(
    "",
    status_code=202,
    summary="Send a notification",
    response_model=Envelope[AcceptedNotification],
    responses=errors(*REFUSALS, *UNSENT, ErrorCode.OVERLOADED, ErrorCode.TOO_MANY_WAITING),
    openapi_extra={
        "parameters": [IDEMPOTENCY_KEY],
        "responses": {"202": {"headers": {**RATE_HEADERS, **REPLAYED}}},
    },
)
async def send(
    sender: Sender,
    body: SendNotification,
    request: Request,
) -> Response:
    """Store a notification durably and answer; it is sent afterwards.

    `success` is false, with the reason in `error`, when it is stored but will not be sent because
    of the recipient's wishes or state.
    """
    refuse_strangers(sender, body.user_id)
    accept: AcceptNotification = request.app.state.accept_notification
    accepted = await accept(
        body.to_domain(request_id_of(request.headers, body.request_id)), caller_of(sender)
    )
    response = rendered(_answer(accepted), 202)
    if accepted.rate is not None:
        tell_rate(response.headers, accepted.rate)
    if accepted.is_replay:
        response.headers[REPLAYED_HEADER] = "true"
    return response


@router.get("/{notification_id}", summary="One notification and its history")
async def read_one(
    notification_id: str, reader: Reader, request: Request
) -> Envelope[NotificationView]:
    """Where a notification stands, and every step that brought it there."""
    read: ReadNotifications = request.app.state.read_notifications
    return ok(
        NotificationView.of(await read.one(notification_id, reader)), "Here is the notification."
    )


@router.get("", summary="Notifications, newest first")
async def read_page(
    query: Annotated[NotificationQuery, Query()], reader: Reader, request: Request
) -> Envelope[list[NotificationSummary]]:
    """Applications see what they sent, users what was sent to them, admins everything.

    With a `cursor`, `total` is as it was when the list was begun.
    """
    read: ReadNotifications = request.app.state.read_notifications
    digest, wanted, limit = query.digest(reader.caller_id), query.to_filter(), query.limit
    if query.cursor is not None:
        place = decode_cursor(query.cursor, digest)
        listed = await read.page_after(reader, wanted, place, limit=limit)
    else:
        offset = PageQuery(query.page or 1, limit).offset
        listed = await read.page(reader, wanted, offset=offset, limit=limit)
    return Envelope[list[NotificationSummary]](
        success=True,
        message="Here are the notifications.",
        data=[NotificationSummary.of(row) for row in listed.rows],
        meta=PageMeta.of(
            total=listed.total,
            limit=limit,
            page=listed.passed // limit + 1,
            next_cursor=encode_cursor(listed.following, digest) if listed.following else None,
        ),
    )


@router.delete(
    "/{notification_id}",
    summary="Cancel a notification that is scheduled",
    responses=errors(ErrorCode.CONFLICT),
)
async def cancel(
    notification_id: str, sender: Sender, request: Request
) -> Envelope[NotificationView]:
    """Only what still waits for its time can be cancelled; doing so again changes nothing."""
    use_case: CancelNotification = request.app.state.cancel_notification
    return ok(
        NotificationView.of(await use_case(notification_id, sender)),
        "The notification was cancelled.",
    )


def _answer(accepted: Accepted) -> Envelope[AcceptedNotification]:
    acceptance = accepted.acceptance
    data = AcceptedNotification.of(acceptance)
    if acceptance.error is not None:
        return Envelope[AcceptedNotification](
            success=False,
            message=f"The notification was stored and will not be sent: {acceptance.error}.",
            data=data,
            error=acceptance.error,
        )
    return ok(data, "The notification was accepted.")

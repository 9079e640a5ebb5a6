"""`/notifications/batch` and `/batches`: many notifications in one request, and how they go."""

from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError
from uuid_utils.compat import uuid7

from api_gateway.api.batch_schemas import AcceptedBatchView, BatchView, SendBatch
from api_gateway.api.callers import RATE_HEADERS, caller_of, tell_rate
from api_gateway.api.idempotency_key import IDEMPOTENCY_KEY, REQUEST_ID, request_id_of
from api_gateway.api.schemas import SendNotification
from api_gateway.api.senders import Sender, refuse_strangers
from api_gateway.domain.batch import item_key, repeatable_batch_id
from api_gateway.domain.request import NotificationRequest
from api_gateway.usecases.accept_batch import AcceptBatch
from api_gateway.usecases.read_batch import ReadBatch
from contracts.access import Scope
from contracts.envelope import Envelope, ErrorDetail
from contracts.error_codes import ErrorCode
from servicekit.access import Allow, Principal
from servicekit.documented_errors import errors
from servicekit.error_handlers import detail_of
from servicekit.errors import MAX_DETAILS, ServiceError, UnprocessableContentError
from servicekit.json_route import AnyTextRoute
from servicekit.responses import ok

BATCH_PATH = "/notifications/batch"
MAX_BATCH_BYTES = 5 * 1024 * 1024
_SHOWN_FIELDS: Final = 5
_SHOWN_CHARACTERS: Final = 200

router = APIRouter(tags=["batches"], route_class=AnyTextRoute)

Reader = Annotated[Principal, Depends(Allow(scope=Scope.NOTIFICATIONS_READ, users=True))]


@router.post(
    BATCH_PATH,
    status_code=202,
    summary="Send up to 1,000 notifications",
    responses=errors(ErrorCode.OVERLOADED, ErrorCode.TOO_MANY_WAITING),
    openapi_extra={
        "parameters": [IDEMPOTENCY_KEY],
        "responses": {"202": {"headers": RATE_HEADERS}},
    },
)
async def send_batch(
    sender: Sender,
    body: SendBatch,
    request: Request,
    response: Response,
) -> Envelope[AcceptedBatchView]:
    """Accept each item by itself, in one transaction; each has its own result, in their order.

    Every item counts against the caller's rate. Repeating a batch sends nothing twice where each
    item has a `request_id`, or where the batch has an `Idempotency-Key`, which names its items by
    their places.
    """
    caller = caller_of(sender)
    key = request_id_of(request.headers, None)
    items = [_read(item, number, sender, key) for number, item in enumerate(body.notifications)]
    accept: AcceptBatch = request.app.state.accept_batch
    accepted = await accept(
        items, caller, repeatable_batch_id(caller.client_id, key) if key else uuid7()
    )
    tell_rate(response.headers, accepted.rate)
    view = AcceptedBatchView.of(accepted, [_request_id(item) for item in body.notifications])
    return Envelope[AcceptedBatchView](
        success=view.rejected < view.total,
        message=(
            f"Of {view.total} notifications {view.accepted} were accepted, {view.replayed} had "
            f"been before, and {view.rejected} were rejected."
        ),
        data=view,
    )


@router.get("/batches/{batch_id}", summary="How it goes with a batch")
async def read_batch(batch_id: str, reader: Reader, request: Request) -> Envelope[BatchView]:
    """How many of its notifications stand where."""
    read: ReadBatch = request.app.state.read_batch
    return ok(BatchView.of(await read(batch_id, reader)), "Here is the batch.")


def _read(
    item: Any, number: int, sender: Principal, key: str | None
) -> NotificationRequest | ServiceError:
    unknown = _unknown_fields(item)
    if unknown:
        return _not_valid(unknown)
    try:
        notification = SendNotification.model_validate(item)
        refuse_strangers(sender, notification.user_id)
    except ValidationError as error:
        return _not_valid([detail_of(each) for each in error.errors()[:MAX_DETAILS]])
    except ServiceError as error:
        return error
    own = notification.request_id
    return notification.to_domain(own if own is not None or key is None else item_key(key, number))


def _unknown_fields(item: Any) -> list[ErrorDetail]:
    """The first of an item's fields that there are not, where it has more fields than there are.

    Looked for before it is validated: that tells of each, and of half a million for ten seconds.
    """
    known = SendNotification.model_fields.keys()
    if not isinstance(item, dict) or len(item) <= len(known):
        return []
    unknown = islice((name for name in item if name not in known), _SHOWN_FIELDS)
    message = "Extra inputs are not permitted"
    return [ErrorDetail(field=name, code="extra_forbidden", message=message) for name in unknown]


def _not_valid(details: list[ErrorDetail]) -> UnprocessableContentError:
    shown = [
        ErrorDetail(field=_shown(one.field), code=one.code, message=_shown(one.message))
        for one in details
    ]
    fields = ", ".join(dict.fromkeys(detail.field for detail in shown))
    return UnprocessableContentError(f"The item is not valid: {fields}.", details=shown)


def _shown(text: str) -> str:
    """A caller's text as an answer can carry it: short, and without halves of surrogate pairs."""
    return text[:_SHOWN_CHARACTERS].encode(errors="replace").decode()


def _request_id(item: Any) -> str | None:
    """What the caller calls an item, where that can be an id."""
    given = item.get("request_id") if isinstance(item, dict) else None
    return given if isinstance(given, str) and REQUEST_ID.fullmatch(given) else None

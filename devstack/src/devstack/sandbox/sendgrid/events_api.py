"""`POST /sandbox/sendgrid/events`: posts signed events to a webhook, on request.

The body is `{"url": …, "events": [{"event": "bounce", "message_id": …}, …]}`. An event names its
mail by `message_id` (the answer's `X-Message-Id`) or by `delivery_id`; without either it is about
nobody's mail. Other fields replace SendGrid's usual ones. `timestamp` beside `url` replaces the
time that is signed. The answer holds what was posted and the webhook's own answer.
"""

import json
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.sandbox.sendgrid.event import KINDS, describe_event
from devstack.sandbox.sendgrid.event_signature import EventSigner
from devstack.sandbox.sendgrid.sent_mails import SentMails
from servicekit.http_client import AsyncClient, TransportError

EVENT_SECONDS: Final = 10.0
_SHOWN_CHARACTERS: Final = 4000


def _check_kind(value: str) -> str:
    if value not in KINDS:
        raise ValueError(f"must be one of {', '.join(KINDS)}")
    return value


class EventOrder(BaseModel):
    """One event that shall be posted."""

    model_config = ConfigDict(extra="allow", strict=True)

    event: Annotated[str, AfterValidator(_check_kind)]
    message_id: str | None = None
    delivery_id: str | None = None


class PostOrder(BaseModel):
    """One post of events."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: AnyHttpUrl
    events: list[EventOrder] = Field(min_length=1, max_length=10_000)
    timestamp: str | None = None


class UnknownMailError(ValueError):
    """No mail of that id was taken."""


class EventsApi:
    """Tells webhooks what became of mails."""

    def __init__(
        self,
        sent_mails: SentMails,
        signer: EventSigner,
        client: AsyncClient,
        now: Callable[[], float],
        new_event_id: Callable[[], str],
    ) -> None:
        self._sent_mails = sent_mails
        self._signer = signer
        self._client = client
        self._now = now
        self._new_event_id = new_event_id

    def routes(self) -> list[Route]:
        """Posting, and the key to verify with."""
        return [
            Route("/sandbox/sendgrid/events", self._post, methods=["POST"]),
            Route("/sandbox/sendgrid/public-key", self._public_key, methods=["GET"]),
        ]

    async def _public_key(self, _request: Request) -> Response:
        return JSONResponse({"public_key": self._signer.public_key})

    async def _post(self, request: Request) -> Response:
        try:
            order = PostOrder.model_validate_json(await request.body())
            events = [self._describe(number, wish) for number, wish in enumerate(order.events)]
        except ValidationError as error:
            return _unprocessable(
                [(".".join(map(str, e["loc"])) or "body", e["msg"]) for e in error.errors()]
            )
        except UnknownMailError as error:
            return _unprocessable([(str(error), "no mail of this id was taken")])
        body = json.dumps(events).encode()
        timestamp = order.timestamp or str(int(self._now()))
        headers = {"Content-Type": "application/json", **self._signer.headers(timestamp, body)}
        try:
            answer = await self._client.post(str(order.url), content=body, headers=headers)
        except TransportError as error:
            reason = f"{order.url} did not answer: {type(error).__name__}."
            return JSONResponse({"error": reason, "events": events}, 502)
        shown = answer.text[:_SHOWN_CHARACTERS]
        return JSONResponse({"status": answer.status_code, "body": shown, "events": events})

    def _describe(self, number: int, order: EventOrder) -> dict[str, Any]:
        field, name = "message_id", order.message_id
        if name is None:
            field, name = "delivery_id", order.delivery_id
        mail = self._sent_mails.find(name) if name is not None else None
        if name is not None and mail is None:
            raise UnknownMailError(f"events.{number}.{field}")
        return describe_event(
            order.event,
            mail,
            timestamp=int(self._now()),
            event_id=self._new_event_id(),
            given=dict(order.model_extra or {}),
        )


def _unprocessable(problems: list[tuple[str, str]]) -> Response:
    details = [{"field": field, "message": message} for field, message in problems]
    return JSONResponse({"error": "The events cannot be posted.", "details": details}, 422)

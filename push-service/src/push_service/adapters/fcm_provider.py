"""Push by FCM HTTP v1: the provider that the delivery engine calls."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final

from delivery.errors import AmbiguousDeliveryError, TransientDeliveryError
from delivery.http_exchange import AnswerLostError, HttpAnswer, NotSentError, post
from delivery.provider import OutgoingDelivery, ProviderAcceptance
from push_service.adapters.fcm_errors import is_token_refused, to_delivery_error
from push_service.adapters.fcm_message import compose_fcm_message
from push_service.adapters.google_access_tokens import GoogleAccessTokens
from servicekit.http_client import AsyncClient
from templating import RenderedPush

_SECONDS: Final = 11.0
"""For an answer, however it drips: FCM's advice is at least 10 s before a request is given up."""
_CONNECT_SECONDS: Final = 4.0


class FcmProvider:
    """Hands messages to one Firebase project; implements `delivery.provider.Provider`.

    Args:
        project_id: The project.
        client: With FCM's address as base; closed by `close`.
        tokens: Authorise the calls.
        now: Tells the aware time.
        name: What operators call it.
    """

    def __init__(
        self,
        project_id: str,
        client: AsyncClient,
        tokens: GoogleAccessTokens,
        now: Callable[[], datetime],
        *,
        name: str = "fcm",
    ) -> None:
        self._path = f"/v1/projects/{project_id}/messages:send"
        self._client = client
        self._tokens = tokens
        self._now = now
        self._name = name

    @property
    def name(self) -> str:
        """What operators call it."""
        return self._name

    async def send(self, delivery: OutgoingDelivery[RenderedPush]) -> ProviderAcceptance:
        """Hand one message over; a refused access token is replaced once.

        Raises:
            DeliveryError: One of its four kinds; nothing else.
        """
        body = compose_fcm_message(delivery, self._now())
        token = await self._tokens.current()
        answer = await self._post(body, token)
        if is_token_refused(answer):
            answer = await self._post(body, await self._tokens.replace(token))
        if answer.status != 200:
            raise to_delivery_error(answer, self._now())
        return ProviderAcceptance(_message_name(answer), "200")

    async def close(self) -> None:
        """Close kept connections."""
        await self._client.aclose()

    async def _post(self, body: bytes, token: str) -> HttpAnswer:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            return await post(
                self._client,
                self._path,
                body,
                headers=headers,
                timeout_seconds=_SECONDS,
                connect_seconds=_CONNECT_SECONDS,
            )
        except NotSentError as error:
            raise TransientDeliveryError(
                "connect_failed", detail=str(error), provider_failed=True
            ) from error
        except AnswerLostError as error:
            raise AmbiguousDeliveryError("answer_lost", detail=str(error)) from error


def _message_name(answer: HttpAnswer) -> str | None:
    """FCM's name for the message; None where only the status arrived, which is a yes as well.

    Raises:
        AmbiguousDeliveryError: Something between us and FCM said 200.
    """
    if answer.body is None:
        return None
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    name = document.get("name") if isinstance(document, dict) else None
    if not isinstance(name, str):
        raise AmbiguousDeliveryError(
            "unexpected_answer", detail="status 200 without FCM's name for the message"
        )
    return name

"""Email by SendGrid's v3 API: a provider that the delivery engine calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from delivery.errors import (
    AmbiguousDeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from delivery.http_exchange import (
    AnswerLostError,
    HttpAnswer,
    NotSentError,
    post,
)
from delivery.provider import OutgoingDelivery, ProviderAcceptance
from email_service.adapters.email_address import EmailAddressError, parse_email_address
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.sendgrid_account import SendGridAccount
from email_service.adapters.sendgrid_errors import to_delivery_error
from email_service.adapters.sendgrid_mail import compose_sendgrid_mail
from templating import RenderedEmail

_PATH: Final = "/v3/mail/send"
_ACCEPTED: Final = 202


class SendGridProvider:
    """Hands mails to one SendGrid account; implements `delivery.provider.Provider`.

    Args:
        account: Where and as whom.
        sender: Whom mail comes from: an identity that SendGrid has verified.
        now: Tells the aware time.
        name: What operators call it.

    Raises:
        OSError: The account's `ca_file` cannot be read.
    """

    def __init__(
        self,
        account: SendGridAccount,
        sender: MailSender,
        now: Callable[[], datetime],
        *,
        name: str = "sendgrid",
    ) -> None:
        self._account = account
        self._client = account.create_client()
        # A wait for a connection, TCP and TLS, each of this length: they must end before the call's
        # own deadline does, which cannot tell whether anything was sent
        self._connect_seconds = min(account.connect_seconds, account.timeout_seconds / 4)
        self._sender = sender
        self._now = now
        self._name = name

    @property
    def name(self) -> str:
        """What operators call it."""
        return self._name

    async def send(self, delivery: OutgoingDelivery[RenderedEmail]) -> ProviderAcceptance:
        """Hand one mail over.

        Raises:
            DeliveryError: One of its four kinds; nothing else.
        """
        answer = await self._post(self._compose(delivery))
        if answer.status != _ACCEPTED:
            raise to_delivery_error(answer, self._now())
        # 202 alone is the yes: SendGrid's name for the mail has been seen to be missing
        return ProviderAcceptance(answer.headers.get("X-Message-Id"), str(answer.status))

    async def close(self) -> None:
        """Close kept connections."""
        await self._client.aclose()

    def _compose(self, delivery: OutgoingDelivery[RenderedEmail]) -> bytes:
        try:
            recipient = parse_email_address(delivery.message.recipient)
        except EmailAddressError as error:
            raise InvalidRecipientError("malformed_address", detail=str(error)) from error
        if recipient.needs_smtputf8:
            raise PermanentDeliveryError(
                "smtputf8_not_offered", detail="SendGrid takes no address that is not ASCII"
            )
        try:
            return compose_sendgrid_mail(delivery, recipient, self._sender)
        except UnicodeEncodeError as error:
            raise PermanentDeliveryError(
                "content_not_encodable", detail=f"a lone surrogate: {error.reason}"
            ) from error

    async def _post(self, body: bytes) -> HttpAnswer:
        try:
            return await post(
                self._client,
                _PATH,
                body,
                headers={"Content-Type": "application/json"},
                timeout_seconds=self._account.timeout_seconds,
                connect_seconds=self._connect_seconds,
            )
        except NotSentError as error:
            raise TransientDeliveryError(
                "connect_failed", detail=str(error), provider_failed=True
            ) from error
        except AnswerLostError as error:
            raise AmbiguousDeliveryError("answer_lost", detail=str(error)) from error

"""Email by SMTP: the provider that the delivery engine calls."""

import ssl
from collections.abc import Callable
from datetime import datetime

from delivery.errors import InvalidRecipientError, PermanentDeliveryError
from delivery.provider import OutgoingDelivery, ProviderAcceptance
from email_service.adapters.dkim_signer import DkimSigner
from email_service.adapters.email_address import EmailAddressError, parse_email_address
from email_service.adapters.mail_message import compose_mail, message_id
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.smtp_connection import Mail, StaleConnectionError
from email_service.adapters.smtp_connection_pool import PoolLimits, SmtpConnectionPool
from email_service.adapters.smtp_reply import queue_id
from email_service.adapters.smtp_server import SmtpServer
from email_service.domain.delivery_reference import DeliveryReference, ReferenceSeal
from templating import RenderedEmail


class SmtpProvider:
    """Hands mails to one SMTP server over kept connections.

    Implements `delivery.provider.Provider`.

    Args:
        server: Where mail goes.
        sender: Whom it comes from.
        now: Tells the aware time that stands in `Date`.
        limits: Of the connection pool.
        name: What operators call this server.
        references: Makes what comes back with bounces; None: they cannot be traced.
        dkim: Signs; None: the SMTP server does, or nobody.
        tls_context: Verifies the SMTP server, if not as `server` says.

    Raises:
        OSError: The SMTP server's `ca_file` cannot be read.
    """

    def __init__(
        self,
        server: SmtpServer,
        sender: MailSender,
        now: Callable[[], datetime],
        *,
        limits: PoolLimits | None = None,
        name: str = "smtp",
        references: ReferenceSeal | None = None,
        dkim: DkimSigner | None = None,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._sender = sender
        self._now = now
        self._name = name
        self._references = references
        self._dkim = dkim
        self._pool = SmtpConnectionPool(
            server, tls_context or server.create_tls_context(), limits or PoolLimits()
        )

    @property
    def name(self) -> str:
        """What operators call it."""
        return self._name

    async def send(self, delivery: OutgoingDelivery[RenderedEmail]) -> ProviderAcceptance:
        """Hand one mail over.

        A kept connection that turns out to have ended is replaced once: nothing was sent on it.

        Raises:
            DeliveryError: One of its four kinds; nothing else.
        """
        mail = self._compose(delivery)
        try:
            async with self._pool.connection() as connection:
                reply = await connection.deliver(mail)
        except StaleConnectionError:
            async with self._pool.connection(fresh=True) as connection:
                reply = await connection.deliver(mail)
        return ProviderAcceptance(
            queue_id(reply.message) or message_id(delivery, self._sender), str(reply.code)
        )

    async def close(self) -> None:
        """Close kept connections."""
        await self._pool.close()

    def _compose(self, delivery: OutgoingDelivery[RenderedEmail]) -> Mail:
        try:
            recipient = parse_email_address(delivery.message.recipient)
        except EmailAddressError as error:
            raise InvalidRecipientError("malformed_address", detail=str(error)) from error
        reference, now = self._reference(delivery), self._now()
        try:
            content = compose_mail(delivery, recipient, self._sender, now, reference)
        except UnicodeEncodeError as error:
            raise PermanentDeliveryError(
                "content_not_encodable", detail=f"a lone surrogate: {error.reason}"
            ) from error
        if self._dkim:
            content = self._dkim.sign(content, now)
        return Mail(self._sender.bounce_address, recipient, content, reference)

    def _reference(self, delivery: OutgoingDelivery[RenderedEmail]) -> str | None:
        if self._references is None:
            return None
        message = delivery.message
        reference = DeliveryReference(
            message.delivery_id, message.notification_id, message.generation, delivery.attempt
        )
        return self._references.seal(reference, message.recipient)

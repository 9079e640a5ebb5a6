"""One kept connection to the SMTP server, and the dialogue for one message on it.

The commands are sent one by one rather than by `sendmail`, because what a failure means depends on
how far the dialogue had come. The state of a connection is only certain after a reply in good
order; after anything else it is dead (aiosmtplib still calls a connection connected whose task was
cancelled, and the next command then waits for a reply that never comes).
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Self, cast

import aiosmtplib

from delivery.errors import DeliveryError, PermanentDeliveryError
from email_service.adapters.email_address import EmailAddress
from email_service.adapters.smtp_errors import Stage, is_reply, to_delivery_error
from email_service.adapters.smtp_server import SmtpServer, SmtpTls


@dataclass(frozen=True, slots=True)
class Mail:
    """An envelope and what is in it.

    Attributes:
        sender: Where bounces go.
        recipient: The only one.
        content: Complete, with CRLF line ends, the last one included.
        reference: Comes back with a bounce, as the envelope's id; printable ASCII without `+` and
            `=`, at most 100 characters.
    """

    sender: EmailAddress
    recipient: EmailAddress
    content: bytes
    reference: str | None = None


class StaleConnectionError(Exception):
    """A kept connection had ended before it was used again; nothing was sent."""


class SmtpConnection:
    """A connection that is open and logged in; made by `open`."""

    def __init__(self, smtp: aiosmtplib.SMTP, server: SmtpServer) -> None:
        self._smtp = smtp
        self._timeout = server.timeout_seconds
        self._first_reply_seconds = min(server.timeout_seconds, server.connect_seconds)
        self._needs_reset = False
        self._certain = True
        self.messages = 0
        self.idle_since = 0.0

    @classmethod
    async def open(cls, server: SmtpServer, tls_context: ssl.SSLContext | None) -> Self:
        """Connect, protect, log in.

        Raises:
            TransientDeliveryError: With `provider_failed`.
        """
        smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=server.helo_name,
            username=server.username,
            password=server.password,
            timeout=server.timeout_seconds,
            use_tls=server.tls is SmtpTls.IMPLICIT,
            start_tls=server.tls is SmtpTls.STARTTLS,
            tls_context=tls_context,
        )
        deadline = asyncio.timeout(server.connect_seconds)
        try:
            async with deadline:
                await smtp.connect()
                if smtp.is_ehlo_or_helo_needed:
                    await smtp.ehlo()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if deadline.expired():
                late = TimeoutError(f"no session within {server.connect_seconds:g} s")
                raise to_delivery_error(late, Stage.CONNECT) from error
            raise to_delivery_error(error, Stage.CONNECT) from error
        finally:
            if smtp.is_ehlo_or_helo_needed:
                smtp.close()
        return cls(smtp, server)

    @property
    def is_usable(self) -> bool:
        """Whether another message can be tried on it."""
        return self._certain and self._smtp.is_connected

    async def deliver(self, mail: Mail) -> aiosmtplib.SMTPResponse:
        """Hand one message over.

        Returns:
            The positive reply to the final dot.

        Raises:
            DeliveryError: By stage and reply.
            StaleConnectionError: The connection had carried messages before and was found ended.
        """
        if mail.recipient.needs_smtputf8 and not self._smtp.supports_extension("smtputf8"):
            # Nothing is wrong with the address: another server may well take it
            raise PermanentDeliveryError(
                "smtputf8_not_offered", detail="the SMTP server takes no address that is not ASCII"
            )
        self._certain = False
        stage = Stage.SENDER
        try:
            await self._start_mail(mail)
            stage = Stage.RECIPIENT
            await self._smtp.rcpt(
                str(mail.recipient), options=self._recipient_options(mail), encoding="utf-8"
            )
            stage = Stage.DATA
            await self._start_data()
            stage = Stage.REPLY
            reply = await self._send_content(mail.content)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if is_reply(error):
                self._certain = self._needs_reset = True
            elif stage is Stage.SENDER and self.messages and _has_ended(error):
                raise StaleConnectionError from error
            raise self._judge(error, stage) from error
        self._certain = True
        self._needs_reset = False
        self.messages += 1
        return reply

    def abandon(self) -> None:
        """Drop the connection at once, with whatever is still unsent in it."""
        if self._smtp.transport is not None:
            # close() would go on sending what is buffered, perhaps a final dot that nobody awaits
            cast("asyncio.WriteTransport", self._smtp.transport).abort()
        self._smtp.close()

    async def quit(self) -> None:
        """End the session politely, if the server still listens."""
        try:
            await self._smtp.quit(timeout=min(self._timeout, 2.0))
        except (aiosmtplib.SMTPException, OSError):
            self.abandon()

    async def _start_mail(self, mail: Mail) -> None:
        seconds = self._first_reply_seconds if self.messages or self._needs_reset else self._timeout
        if self._needs_reset:
            await self._smtp.rset(timeout=seconds)
        options = self._mail_options(mail)
        await self._smtp.mail(str(mail.sender), options=options, timeout=seconds)

    def _mail_options(self, mail: Mail) -> list[str]:
        options = []
        if self._smtp.supports_extension("size"):
            options.append(f"SIZE={len(mail.content)}")
        if mail.recipient.needs_smtputf8:
            options.append("SMTPUTF8")
        if mail.reference and self._smtp.supports_extension("dsn"):
            options += ["RET=HDRS", f"ENVID={mail.reference}"]
        return options

    def _recipient_options(self, mail: Mail) -> list[str]:
        """Ask to be told of failures and delays (RFC 3461 §4), in words that we can trace."""
        if not (mail.reference and self._smtp.supports_extension("dsn")):
            return []
        options = ["NOTIFY=FAILURE,DELAY"]
        if not mail.recipient.needs_smtputf8:
            options.append(f"ORCPT=rfc822;{_to_xtext(str(mail.recipient))}")
        return options

    async def _start_data(self) -> None:
        reply = await self._smtp.execute_command(b"DATA")
        if reply.code != aiosmtplib.SMTPStatus.start_input:
            raise aiosmtplib.SMTPDataError(reply.code, reply.message)

    async def _send_content(self, content: bytes) -> aiosmtplib.SMTPResponse:
        # aiosmtplib's own data() does not tell a failure before the final dot from one after it.
        # Lines of `content` never begin with a dot (base64), so nothing is to be stuffed.
        protocol = self._smtp.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        protocol.write(content + b".\r\n")
        reply = await protocol.read_response(timeout=self._timeout)
        if not 200 <= reply.code < 300:
            raise aiosmtplib.SMTPDataError(reply.code, reply.message)
        return reply

    def _judge(
        self, error: aiosmtplib.SMTPException | OSError | ValueError, stage: Stage
    ) -> DeliveryError:
        transport = cast("asyncio.WriteTransport | None", self._smtp.transport)
        if stage is Stage.REPLY and transport is not None and transport.get_write_buffer_size():
            # The final dot is still here: the server cannot have taken the message
            self._certain = False
            stage = Stage.DATA
        return to_delivery_error(error, stage)


def _to_xtext(text: str) -> str:
    """RFC 3461 §4: `+`, `=` and what is not printable ASCII as `+` and two hexadecimal digits."""
    return "".join(
        character if "!" <= character <= "~" and character not in "+=" else f"+{ord(character):02X}"
        for character in text
    )


def _has_ended(error: Exception) -> bool:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return error.code == aiosmtplib.SMTPStatus.domain_unavailable
    return isinstance(error, aiosmtplib.SMTPServerDisconnected)

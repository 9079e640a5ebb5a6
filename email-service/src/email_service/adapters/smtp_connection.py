"""One kept connection to the SMTP server, and the dialogue for one message on it.

aiosmtplib opens it; the dialogue is ours, because what a failure means depends on how far it had
come, and because MAIL, RCPT and DATA go out together where the server takes that (RFC 2920). The
state of a connection is only certain after a reply in good order; after anything else it is dead.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Final, Self

import aiosmtplib

from delivery.errors import DeliveryError, PermanentDeliveryError
from email_service.adapters.email_address import EmailAddress
from email_service.adapters.smtp_dialogue import SmtpDialogue
from email_service.adapters.smtp_errors import Stage, is_reply, to_delivery_error
from email_service.adapters.smtp_server import SmtpServer, SmtpTls

_ENVELOPE: Final = (Stage.SENDER, Stage.RECIPIENT, Stage.DATA)
_START_INPUT: Final = 354
_QUIT_SECONDS: Final = 2.0


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

    def __init__(
        self, dialogue: SmtpDialogue, extensions: frozenset[str], server: SmtpServer
    ) -> None:
        self._dialogue = dialogue
        self._extensions = extensions
        self._timeout = server.timeout_seconds
        self._first_reply_seconds = min(server.timeout_seconds, server.connect_seconds)
        # With connecting no longer than one reply may take: cut off from outside, by the attempt's
        # deadline, it would pass for a mail that was perhaps taken.
        self._envelope_seconds = max(
            server.timeout_seconds - server.connect_seconds, server.timeout_seconds / 2
        )
        self._stage = Stage.SENDER
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
            dialogue = SmtpDialogue.take_over(smtp)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if deadline.expired():
                late = TimeoutError(f"no session within {server.connect_seconds:g} s")
                raise to_delivery_error(late, Stage.CONNECT) from error
            raise to_delivery_error(error, Stage.CONNECT) from error
        finally:
            if smtp.is_ehlo_or_helo_needed:
                smtp.close()
        return cls(dialogue, frozenset(smtp.esmtp_extensions), server)

    @property
    def is_usable(self) -> bool:
        """Whether another message can be tried on it."""
        return self._certain and self._dialogue.is_open

    @property
    def _was_used(self) -> bool:
        """Whether it has carried a message, or one was refused on it."""
        return self.messages > 0 or self._needs_reset

    async def deliver(self, mail: Mail) -> aiosmtplib.SMTPResponse:
        """Hand one message over.

        Returns:
            The positive reply to the final dot.

        Raises:
            DeliveryError: By stage and reply.
            StaleConnectionError: The connection had been used before and was found ended.
        """
        if mail.recipient.needs_smtputf8 and "smtputf8" not in self._extensions:
            # Nothing is wrong with the address: another server may well take it
            raise PermanentDeliveryError(
                "smtputf8_not_offered", detail="the SMTP server takes no address that is not ASCII"
            )
        self._certain = False
        self._stage = Stage.SENDER
        try:
            async with asyncio.timeout(self._envelope_seconds):
                await self._send_envelope(mail)
            self._stage = Stage.REPLY
            # Lines of `content` never begin with a dot (base64), so nothing is to be stuffed.
            self._dialogue.send(mail.content + b".\r\n")
            reply = _positive(await self._dialogue.reply(self._timeout))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if is_reply(error):
                self._certain = self._needs_reset = await self._is_in_step()
            elif self._stage is Stage.SENDER and self._was_used and _has_ended(error):
                raise StaleConnectionError from error
            raise self._judge(error) from error
        self._certain = True
        self._needs_reset = False
        self.messages += 1
        return reply

    def abandon(self) -> None:
        """Drop the connection at once, with whatever is still unsent in it.

        Closed in good order it would go on sending that, perhaps a final dot that nobody awaits.
        """
        self._dialogue.abort()

    async def quit(self) -> None:
        """End the session politely, if the server still listens."""
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            self._dialogue.send(b"QUIT\r\n")
            await self._dialogue.reply(min(self._timeout, _QUIT_SECONDS))
        self.abandon()

    async def _send_envelope(self, mail: Mail) -> None:
        seconds = self._first_reply_seconds if self._was_used else self._timeout
        if self._needs_reset:
            self._dialogue.send(b"RSET\r\n")
            _positive(await self._dialogue.reply(seconds))
        commands = (
            _command("MAIL FROM", mail.sender, self._mail_options(mail)),
            _command("RCPT TO", mail.recipient, self._recipient_options(mail)),
            b"DATA\r\n",
        )
        together = "pipelining" in self._extensions
        if together:
            self._dialogue.send(b"".join(commands), replies=len(commands))
        for self._stage, command in zip(_ENVELOPE, commands, strict=True):
            if not together:
                self._dialogue.send(command)
            reply = await self._dialogue.reply(seconds)
            if self._stage is not Stage.DATA:
                _positive(reply)
            elif reply.code != _START_INPUT:
                raise aiosmtplib.SMTPDataError(reply.code, reply.message)
            seconds = self._timeout

    async def _is_in_step(self) -> bool:
        """After a refusal: read the replies to what was sent together with the refused command.

        False where the server is not ready for another message then: where it leaves, or expects
        this one's content although it refused the envelope (RFC 2920 §3.1 allows that).
        """
        try:
            while self._dialogue.awaited:
                reply = await self._dialogue.reply(self._first_reply_seconds)
                if reply.code in {_START_INPUT, aiosmtplib.SMTPStatus.domain_unavailable}:
                    return False
        except (aiosmtplib.SMTPException, OSError):
            return False
        return True

    def _mail_options(self, mail: Mail) -> list[str]:
        options = []
        if "size" in self._extensions:
            options.append(f"SIZE={len(mail.content)}")
        if mail.recipient.needs_smtputf8:
            options.append("SMTPUTF8")
        if mail.reference and "dsn" in self._extensions:
            options += ["RET=HDRS", f"ENVID={mail.reference}"]
        return options

    def _recipient_options(self, mail: Mail) -> list[str]:
        """Ask to be told of failures and delays (RFC 3461 §4), in words that we can trace."""
        if not (mail.reference and "dsn" in self._extensions):
            return []
        options = ["NOTIFY=FAILURE,DELAY"]
        if not mail.recipient.needs_smtputf8:
            options.append(f"ORCPT=rfc822;{_to_xtext(str(mail.recipient))}")
        return options

    def _judge(self, error: aiosmtplib.SMTPException | OSError | ValueError) -> DeliveryError:
        if self._stage is Stage.REPLY and self._dialogue.unsent:
            # The final dot is still here: the server cannot have taken the message
            self._certain = False
            return to_delivery_error(error, Stage.DATA)
        return to_delivery_error(error, self._stage)


def _command(verb: str, address: EmailAddress, options: list[str]) -> bytes:
    """`MAIL` or `RCPT`; neither an address nor an option can hold white space (see their types)."""
    return " ".join((f"{verb}:<{address}>", *options)).encode() + b"\r\n"


def _positive(reply: aiosmtplib.SMTPResponse) -> aiosmtplib.SMTPResponse:
    if not 200 <= reply.code < 300:
        raise aiosmtplib.SMTPResponseException(reply.code, reply.message)
    return reply


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

"""The SMTP server of the inbox: accepts everything, unless a rule says otherwise.

aiosmtpd speaks the protocol (RFC 5321, 8BITMIME, SMTPUTF8, SIZE); this module decides, stores and
logs. The log line of an accepted mail is written before the 250, one line per envelope recipient.
"""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.sandbox.failures.rule import FailureRule, Stage
from devstack.sandbox.failures.rulebook import Rulebook
from devstack.sandbox.inbox.mail import MailHeaders
from devstack.sandbox.inbox.mailbox import Mailbox
from devstack.sandbox.storage.handed_over_log import HandedOver, HandedOverLog

SIZE_LIMIT = 25 * 1024 * 1024
DRIP_SECONDS = 0.5  # between two bytes of a dripped reply, unless the rule says otherwise
OK = "250 OK"
_DEFAULT_REFUSAL: dict[Stage, int] = {"connect": 421, "mail": 421, "rcpt": 450, "data": 451}


class InboxProtocol(SMTP):
    """One connection; adds the `connect` stage, which aiosmtpd has no hook for."""

    def __init__(self, handler: "InboxHandler") -> None:
        super().__init__(
            handler,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="sandbox",
            ident="notification sandbox",
            loop=asyncio.get_running_loop(),
        )

    async def _handle_client(self) -> None:
        refusal = await self.event_handler.obey(self, "connect", [])
        if refusal is not None:
            await self.push(refusal)
            self._writer.close()
            return
        await super()._handle_client()


class InboxHandler:
    """Answers MAIL, RCPT and DATA by the rules, and stores what it accepts."""

    def __init__(self, mailbox: Mailbox, log: HandedOverLog, rulebook: Rulebook) -> None:
        self._mailbox = mailbox
        self._log = log
        self._rulebook = rulebook

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take the sender, or refuse it by rule."""
        refusal = await self.obey(server, "mail", [])
        if refusal is not None:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return OK

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take a recipient, or refuse it by rule; a refused one is logged."""
        refusal = await self.obey(server, "rcpt", [address])
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return OK

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Store, log, then answer; or fail as the rule says."""
        raw = envelope.original_content
        if raw is None:
            return "503 5.5.1 Error: no data"
        recipients: list[str] = envelope.rcpt_tos
        rule = self._rulebook.choose(recipients, "data")
        if rule is not None and rule.action in ("refuse", "hang", "drop_before_accept", "delay"):
            headers = MailHeaders(raw)
            refusal = await self._carry_out(server, rule, "data", recipients, headers)
            if refusal is not None:
                return refusal
        mail, headers = self._mailbox.add(raw, envelope.mail_from or "", recipients)
        answer = rule.action if rule is not None else ""
        code = 0 if answer == "drop_after_accept" else 250
        for recipient in recipients:
            self._log.record(_line(recipient, code, headers, accepted=True, mail_id=mail.id))
        reply = f"250 2.0.0 Ok: queued as {mail.id}"
        if rule is not None and answer == "drop_after_accept":
            await _wait(rule)
            await _drop(server)
        if rule is not None and answer == "drip":
            return await _drip(server, reply, rule.delay_seconds or DRIP_SECONDS)
        return reply

    async def handle_exception(self, error: Exception) -> str:
        """Answer for a disk that is full or broken; anything else is a bug and aiosmtpd logs it."""
        if isinstance(error, OSError):
            return "452 4.3.1 Insufficient system storage"
        raise error

    async def obey(self, server: SMTP, stage: Stage, recipients: list[str]) -> str | None:
        """Carry out the rule of an early stage; return the refusal, or None to go on."""
        rule = self._rulebook.choose(recipients, stage)
        if rule is None:
            return None
        return await self._carry_out(server, rule, stage, recipients, MailHeaders(b""))

    async def _carry_out(
        self,
        server: SMTP,
        rule: FailureRule,
        stage: Stage,
        recipients: list[str],
        headers: MailHeaders,
    ) -> str | None:
        if rule.action == "delay":
            await _wait(rule)
            return None
        refused = rule.action == "refuse"
        code = (rule.status or _DEFAULT_REFUSAL[stage]) if refused else 0
        for recipient in recipients:
            self._log.record(
                _line(recipient, code, headers, accepted=False, reason=rule.text or rule.action)
            )
        await _wait(rule)
        if refused:
            return f"{code} {rule.text or 'Requested action not taken'}"
        if rule.action == "hang":
            await _forever()
        await _drop(server)
        return None


def _line(
    recipient: str,
    code: int,
    headers: MailHeaders,
    *,
    accepted: bool,
    mail_id: str | None = None,
    reason: str | None = None,
) -> HandedOver:
    return HandedOver(
        channel="email",
        provider="smtp",
        accepted=accepted,
        code=code,
        id=mail_id,
        recipient=recipient,
        delivery_id=headers.text("X-Delivery-ID") or None,
        notification_id=headers.text("X-Notification-ID") or None,
        title=headers.text("Subject") or None,
        message_id=headers.text("Message-ID").strip("<>") or None,
        reason=reason,
    )


async def _wait(rule: FailureRule) -> None:
    if rule.delay_seconds is not None:
        await asyncio.sleep(rule.delay_seconds)


async def _forever() -> None:
    # Ends by cancellation: aiosmtpd cancels the dialogue when the connection is lost.
    await asyncio.get_running_loop().create_future()


async def _drop(server: Any) -> None:
    if server.transport is not None:
        server.transport.abort()
    await _forever()


async def _drip(server: Any, reply: str, seconds: float) -> str:
    """Send all of the reply but its last byte slowly; return what is left for aiosmtpd to send."""
    for character in reply[:-1]:
        if server.transport is None:
            await _forever()
        server.transport.write(character.encode())
        await asyncio.sleep(seconds)
    return reply[-1]

"""What the inbox's SMTP servers decide: they accept everything, unless a rule says otherwise.

The log line of an accepted mail is written before the 250, one line per envelope recipient.
"""

import asyncio
from typing import cast

from aiosmtpd.smtp import Session

from devstack.sandbox.failures.rule import FailureRule, Stage
from devstack.sandbox.failures.rulebook import Rulebook
from devstack.sandbox.inbox.mail import MailHeaders
from devstack.sandbox.inbox.mailbox import Mailbox
from devstack.sandbox.inbox.smtp_protocol import InboxEnvelope, InboxProtocol
from devstack.sandbox.storage.handed_over_log import HandedOver, HandedOverLog

DRIP_SECONDS = 0.5  # between two bytes of a dripped reply, unless the rule says otherwise
OK = "250 OK"
_DEFAULT_REFUSAL: dict[Stage, int] = {
    "connect": 421,
    "ehlo": 421,
    "mail": 421,
    "rcpt": 450,
    "start_data": 451,
    "data": 451,
}
_AFTER_ACCEPT = ("drop_after_accept", "hang_after_accept")


class InboxHandler:
    """Answers by the rules of its target, under whose name it logs; stores what it accepts."""

    def __init__(self, mailbox: Mailbox, log: HandedOverLog, rulebook: Rulebook) -> None:
        self._mailbox = mailbox
        self._log = log
        self._rulebook = rulebook

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        _server: InboxProtocol,
        session: Session,
        _envelope: InboxEnvelope,
        hostname: str,
        lines: list[str],
    ) -> list[str]:
        """Offer DSN beside what aiosmtpd offers; the last line ends the reply."""
        session.host_name = hostname
        return [*lines[:-1], "250-DSN", lines[-1]]

    async def handle_MAIL(  # noqa: N802
        self,
        server: InboxProtocol,
        _session: Session,
        envelope: InboxEnvelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take the sender, or refuse it by rule."""
        refusal = await self.obey(server, "mail")
        if refusal is not None:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return OK

    async def handle_RCPT(  # noqa: N802
        self,
        server: InboxProtocol,
        _session: Session,
        envelope: InboxEnvelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take a recipient, or refuse it by rule; a refused one is logged."""
        envelope.dsn_by_recipient[address] = {**envelope.mail_dsn, **envelope.rcpt_dsn}
        rule = self._rulebook.choose([address], "rcpt")
        if rule is not None:
            refusal = await self._carry_out(server, rule, "rcpt", [address], MailHeaders(b""))
            if refusal is not None:
                return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return OK

    async def handle_DATA(  # noqa: N802
        self, server: InboxProtocol, _session: Session, envelope: InboxEnvelope
    ) -> str:
        """Store, log, then answer; or fail as the rule says."""
        raw = envelope.original_content
        if raw is None:
            return "503 5.5.1 Error: no data"
        recipients: list[str] = envelope.rcpt_tos
        rule = self._rulebook.choose(recipients, "data")
        if rule is not None and rule.action not in _AFTER_ACCEPT:
            refusal = await self._carry_out(server, rule, "data", recipients, MailHeaders(raw))
            if refusal is not None:
                return refusal
        mail, headers = self._mailbox.add(raw, envelope.mail_from or "", recipients)
        silent = rule is not None and rule.action in _AFTER_ACCEPT
        for recipient in recipients:
            self._record(
                server, recipient, 0 if silent else 250, headers, accepted=True, mail_id=mail.id
            )
        if rule is not None and silent:
            await _wait(rule)
            if rule.action == "drop_after_accept":
                _drop(server)
            await _forever()
        return f"250 2.0.0 Ok: queued as {mail.id}"

    async def handle_exception(self, error: Exception) -> str:
        """Answer for a disk that is full or broken; anything else is a bug and aiosmtpd logs it."""
        if isinstance(error, OSError):
            return "452 4.3.1 Insufficient system storage"
        raise error

    async def obey(self, server: InboxProtocol, stage: Stage) -> str | None:
        """Carry out the rule of a stage without a mail; return the refusal, or None to go on."""
        named = stage == "start_data" and server.envelope is not None
        recipients = list(server.envelope.rcpt_tos) if named and server.envelope else []
        rule = self._rulebook.choose(recipients, stage)
        if rule is None:
            return None
        return await self._carry_out(server, rule, stage, recipients, MailHeaders(b""))

    async def _carry_out(
        self,
        server: InboxProtocol,
        rule: FailureRule,
        stage: Stage,
        recipients: list[str],
        headers: MailHeaders,
    ) -> str | None:
        if rule.action == "delay":
            await _wait(rule)
            return None
        if rule.action == "drip":
            server.drip_seconds = rule.delay_seconds or DRIP_SECONDS
            return None
        refused = rule.action == "refuse"
        code = (rule.status or _DEFAULT_REFUSAL[stage]) if refused else 0
        for recipient in recipients:
            reason = rule.text or rule.action
            self._record(server, recipient, code, headers, accepted=False, reason=reason)
        await _wait(rule)
        if refused:
            return f"{code} {rule.text or 'Requested action not taken'}"
        if rule.action == "drop_before_accept":
            _drop(server)
        await _forever()
        return None

    def _record(
        self,
        server: InboxProtocol,
        recipient: str,
        code: int,
        headers: MailHeaders,
        *,
        accepted: bool,
        mail_id: str | None = None,
        reason: str | None = None,
    ) -> None:
        dsn = server.envelope.dsn_by_recipient.get(recipient) if server.envelope else None
        self._log.record(
            HandedOver(
                channel="email",
                provider=self._rulebook.target,
                accepted=accepted,
                code=code,
                id=mail_id,
                recipient=recipient,
                delivery_id=headers.text("X-Delivery-ID") or None,
                notification_id=headers.text("X-Notification-ID") or None,
                title=headers.text("Subject") or None,
                message_id=headers.text("Message-ID").strip("<>") or None,
                reason=reason,
                dsn=dsn or None,
            )
        )


async def _wait(rule: FailureRule) -> None:
    if rule.delay_seconds is not None:
        await asyncio.sleep(rule.delay_seconds)


async def _forever() -> None:
    # Ends by cancellation: aiosmtpd cancels the dialogue when the connection is lost.
    await asyncio.get_running_loop().create_future()


def _drop(server: InboxProtocol) -> None:
    if server.transport is not None:
        cast("asyncio.WriteTransport", server.transport).abort()

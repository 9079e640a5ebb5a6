"""One SMTP connection to the inbox: aiosmtpd, with more stages at which it can be told to fail.

aiosmtpd speaks the protocol (RFC 5321, 8BITMIME, SMTPUTF8, SIZE); this adds hooks where it has
none, replies that drip, and the parameters of DSN (RFC 3461).
"""

import asyncio
from collections import defaultdict
from typing import Protocol

from aiosmtpd.smtp import SMTP, Envelope

from devstack.sandbox.failures.rule import Stage
from devstack.sandbox.inbox.dsn_parameters import (
    MAIL_PARAMETERS,
    RCPT_PARAMETERS,
    DsnSyntaxError,
    take_parameters,
)

SIZE_LIMIT = 25 * 1024 * 1024
COMMAND_LIMIT = 512 + 540  # RFC 3461 §4: what ORCPT and NOTIFY may add to a command


class InboxEnvelope(Envelope):
    """An envelope that keeps what was said about delivery status."""

    def __init__(self) -> None:
        super().__init__()
        self.mail_dsn: dict[str, str] = {}
        self.rcpt_dsn: dict[str, str] = {}
        """Of the recipient that is being named."""
        self.dsn_by_recipient: dict[str, dict[str, str]] = {}


class StageHandler(Protocol):
    """Decides at each stage whether the dialogue goes on."""

    async def obey(self, server: "InboxProtocol", stage: Stage) -> str | None:
        """Return the refusal, or None to go on."""
        ...


class InboxProtocol(SMTP):
    """One connection; `drip_seconds`, once set, slows the next reply."""

    envelope: InboxEnvelope | None

    def __init__(self, handler: StageHandler) -> None:
        super().__init__(
            handler,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="sandbox",
            ident="notification sandbox",
            loop=asyncio.get_running_loop(),
        )
        self._handler = handler
        self.drip_seconds: float | None = None
        # Of this connection alone: aiosmtpd clears its own, which all connections share
        self.command_size_limits = defaultdict(lambda: COMMAND_LIMIT)

    async def push(self, status: str | bytes) -> None:
        """Send one line of a reply."""
        octets = status.encode() if isinstance(status, str) else status
        if self.drip_seconds is None:
            await super().push(octets)
            return
        line = octets + b"\r\n"
        for number in range(len(line)):
            self._writer.write(line[number : number + 1])
            await self._writer.drain()
            await asyncio.sleep(self.drip_seconds)
        if line[3:4] != b"-":  # the reply's last line
            self.drip_seconds = None

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        """HELO, by rule as EHLO: a client whose EHLO was refused may try it."""
        if await self._goes_on("ehlo"):
            await super().smtp_HELO(hostname)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        """EHLO, or a refusal by rule."""
        if await self._goes_on("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """MAIL, with RET and ENVID."""
        try:
            rest, dsn = take_parameters(arg or "", MAIL_PARAMETERS)
        except DsnSyntaxError as error:
            await self.push(f"501 5.5.4 Invalid parameter {error}")
            return
        if self.envelope is not None:
            self.envelope.mail_dsn = dsn
        await super().smtp_MAIL(rest or None)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """RCPT, with NOTIFY and ORCPT."""
        try:
            rest, dsn = take_parameters(arg or "", RCPT_PARAMETERS)
        except DsnSyntaxError as error:
            await self.push(f"501 5.5.4 Invalid parameter {error}")
            return
        if self.envelope is not None:
            self.envelope.rcpt_dsn = dsn
        await super().smtp_RCPT(rest or None)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """DATA, or a refusal by rule."""
        if await self._goes_on("start_data"):
            await super().smtp_DATA(arg)

    def _create_envelope(self) -> InboxEnvelope:
        return InboxEnvelope()

    async def _handle_client(self) -> None:
        if await self._goes_on("connect"):
            await super()._handle_client()
        else:
            self._writer.close()

    async def _goes_on(self, stage: Stage) -> bool:
        refusal = await self._handler.obey(self, stage)
        if refusal is not None:
            await self.push(refusal)
        return refusal is None

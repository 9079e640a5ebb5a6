"""Providers that talk to a scripted server."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from email_deliveries import NOON

from email_service.adapters.dkim_signer import DkimSigner
from email_service.adapters.email_address import parse_email_address
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.smtp_connection_pool import PoolLimits
from email_service.adapters.smtp_provider import SmtpProvider
from email_service.adapters.smtp_server import SmtpServer, SmtpTls
from email_service.domain.delivery_reference import ReferenceSeal

SENDER = MailSender(parse_email_address("no-reply@example.com"))


@asynccontextmanager
async def a_provider(
    port: int,
    *,
    name: str = "smtp",
    tls: SmtpTls = SmtpTls.NONE,
    tls_context: ssl.SSLContext | None = None,
    limits: PoolLimits | None = None,
    timeout_seconds: float = 5.0,
    connect_seconds: float = 4.0,
    password: str | None = None,
    references: ReferenceSeal | None = None,
    dkim: DkimSigner | None = None,
) -> AsyncIterator[SmtpProvider]:
    server = SmtpServer(
        "localhost" if tls_context else "127.0.0.1",
        port,
        "us.test",
        tls,
        username="user" if password else None,
        password=password,
        timeout_seconds=timeout_seconds,
        connect_seconds=connect_seconds,
    )
    provider = SmtpProvider(
        server,
        SENDER,
        lambda: NOON,
        limits=limits,
        name=name,
        references=references,
        dkim=dkim,
        tls_context=tls_context,
    )
    try:
        yield provider
    finally:
        await provider.close()

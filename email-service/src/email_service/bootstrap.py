"""Builds the email worker: the delivery engine with SMTP as its provider."""

from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI

from contracts.notification import NotificationType
from contracts.template_snapshot import TemplateVersion
from delivery.application import build_worker_app
from email_service.adapters.email_address import EmailAddress, parse_email_address
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.smtp_connection_pool import PoolLimits
from email_service.adapters.smtp_provider import SmtpProvider
from email_service.adapters.smtp_server import SmtpServer
from email_service.settings import Settings
from servicekit.settings import ConfigurationError
from templating import CompiledEmail, EmailContent, compile_email

SERVICE: Final = "email-service"
VERSION: Final = "0.1.0"


def build_app(settings: Settings) -> FastAPI:
    """The worker and its HTTP API.

    Raises:
        ConfigurationError: The SMTP settings contradict each other, or cannot be used.
    """
    return build_worker_app(
        service=SERVICE,
        version=VERSION,
        description="Delivers email notifications by SMTP.",
        notification_type=NotificationType.EMAIL,
        settings=settings,
        provider=_smtp_provider(settings),
        compile_version=_compile,
    )


def _smtp_provider(settings: Settings) -> SmtpProvider:
    password = settings.smtp_password
    try:
        return SmtpProvider(
            SmtpServer(
                host=settings.smtp_host,
                port=settings.smtp_port,
                helo_name=settings.smtp_helo_name,
                tls=settings.smtp_tls,
                allow_plaintext=settings.smtp_allow_plaintext,
                ca_file=settings.smtp_ca_file,
                username=settings.smtp_username,
                password=password.get_secret_value() if password else None,
                # Below the attempt's deadline: only the dialogue itself knows whether the mail
                # was already handed over when an answer stays out.
                timeout_seconds=settings.attempt_seconds * 0.8,
            ),
            MailSender(
                parse_email_address(settings.mail_from),
                settings.mail_from_name,
                reply_to=_optional_address(settings.mail_reply_to),
                envelope_sender=_optional_address(settings.mail_envelope_sender),
            ),
            lambda: datetime.now(UTC),
            limits=PoolLimits(size=settings.concurrency),
        )
    except (ValueError, OSError) as error:
        msg = f"the mail settings (SMTP_…, MAIL_…) cannot be used: {error}"
        raise ConfigurationError(msg) from error


def _optional_address(text: str | None) -> EmailAddress | None:
    return parse_email_address(text) if text else None


def _compile(version: TemplateVersion) -> CompiledEmail | None:
    if version.email is None:
        return None
    source = version.email
    return compile_email(EmailContent(source.subject, source.html, source.text))

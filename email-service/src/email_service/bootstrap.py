"""Builds the email worker: the delivery engine with its providers, and what they report to."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI

from contracts.notification import NotificationType
from contracts.template_snapshot import TemplateVersion
from delivery.application import build_worker_app
from delivery.provider import Provider
from email_service.adapters.dkim_settings import dkim_signer
from email_service.adapters.email_address import EmailAddress, parse_email_address
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.sendgrid_provider import SendGridProvider
from email_service.adapters.sendgrid_settings import sendgrid_provider, sendgrid_signatures
from email_service.adapters.smtp_connection_pool import PoolLimits
from email_service.adapters.smtp_provider import SmtpProvider
from email_service.adapters.smtp_settings import read_smtp_settings, smtp_server, variable_prefix
from email_service.api import bounces as bounce_routes
from email_service.api import sendgrid_events as sendgrid_routes
from email_service.domain.delivery_reference import ReferenceSeal
from email_service.settings import SENDGRID, Settings, parse_provider_names
from email_service.usecases.record_bounce import RecordBounce
from email_service.usecases.record_sendgrid_events import RecordSendGridEvents
from servicekit.settings import ConfigurationError
from templating import CompiledEmail, EmailContent, RenderedEmail, compile_email

SERVICE: Final = "email-service"
VERSION: Final = "0.1.0"


def build_app(settings: Settings) -> FastAPI:
    """The worker and its HTTP API.

    Raises:
        ConfigurationError: The settings contradict each other, or cannot be used.
    """
    suppression_key = settings.suppression_key.get_secret_value().encode()
    seal = ReferenceSeal(suppression_key)
    signatures = sendgrid_signatures(settings, _now)
    return build_worker_app(
        service=SERVICE,
        version=VERSION,
        description="Delivers email notifications.",
        notification_type=NotificationType.EMAIL,
        settings=settings,
        providers=build_providers(settings, seal, os.environ),
        compile_version=_compile,
        routers=[bounce_routes.router, sendgrid_routes.router],
        state={
            "record_bounce": RecordBounce(seal, _now),
            "record_sendgrid_events": RecordSendGridEvents(signatures, suppression_key)
            if signatures
            else None,
        },
    )


def build_providers(
    settings: Settings, seal: ReferenceSeal, environ: Mapping[str, str]
) -> list[Provider[RenderedEmail]]:
    """Those that `EMAIL_PROVIDERS` names, in its order.

    Args:
        settings: Of the worker.
        seal: Makes the references that come back with bounces.
        environ: Where the variables of servers other than `smtp` are.

    Raises:
        ConfigurationError: Names the variable that is missing or wrong.
    """
    return [
        _sendgrid_provider(settings)
        if name == SENDGRID
        else _smtp_provider(name, settings, seal, environ)
        for name in parse_provider_names(settings.email_providers)
    ]


def _sendgrid_provider(settings: Settings) -> SendGridProvider:
    return sendgrid_provider(
        settings,
        _mail_sender(settings),
        _now,
        timeout_seconds=_dialogue_seconds(settings),
        max_connections=settings.concurrency,
    )


def _smtp_provider(
    name: str, settings: Settings, seal: ReferenceSeal, environ: Mapping[str, str]
) -> SmtpProvider:
    in_development = settings.environment == "development"
    own = (
        settings
        if name == "smtp"
        else read_smtp_settings(name, environ, allow_placeholders=in_development)
    )
    server = smtp_server(name, own, timeout_seconds=_dialogue_seconds(settings))
    try:
        return SmtpProvider(
            server,
            _mail_sender(settings),
            _now,
            limits=PoolLimits(size=settings.concurrency),
            name=name,
            references=seal,
            dkim=dkim_signer(settings),
        )
    except OSError as error:
        msg = f"{variable_prefix(name)}CA_FILE cannot be used: {error}"
        raise ConfigurationError(msg) from error


def _dialogue_seconds(settings: Settings) -> float:
    """Below the attempt's deadline: only the dialogue itself knows whether the mail was already
    handed over when an answer stays out."""
    return settings.attempt_seconds * 0.8


def _mail_sender(settings: Settings) -> MailSender:
    try:
        return MailSender(
            parse_email_address(settings.mail_from),
            settings.mail_from_name,
            reply_to=_optional_address(settings.mail_reply_to),
            envelope_sender=_optional_address(settings.mail_envelope_sender),
        )
    except ValueError as error:
        msg = f"MAIL_FROM, MAIL_REPLY_TO or MAIL_ENVELOPE_SENDER cannot be used: {error}"
        raise ConfigurationError(msg) from error


def _optional_address(text: str | None) -> EmailAddress | None:
    return parse_email_address(text) if text else None


def _compile(version: TemplateVersion) -> CompiledEmail | None:
    if version.email is None:
        return None
    source = version.email
    return compile_email(EmailContent(source.subject, source.html, source.text))


def _now() -> datetime:
    return datetime.now(UTC)

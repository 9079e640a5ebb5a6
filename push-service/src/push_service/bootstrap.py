"""Builds the push worker: the delivery engine with FCM HTTP v1 as its provider."""

from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI

from contracts.notification import NotificationType
from contracts.template_snapshot import TemplateVersion
from delivery.application import build_worker_app
from push_service.adapters.fcm_provider import FcmProvider
from push_service.adapters.google_access_tokens import GoogleAccessTokens
from push_service.adapters.service_account import ServiceAccountError, parse_service_account
from push_service.settings import Settings
from servicekit.http_client import create_http_client
from servicekit.settings import ConfigurationError
from templating import CompiledPush, PushContent, compile_push

SERVICE: Final = "push-service"
VERSION: Final = "0.1.0"
_SECONDS: Final = 15.0  # FCM's advice: at least 10 s before a request is given up


def build_app(settings: Settings) -> FastAPI:
    """The worker and its HTTP API.

    Raises:
        ConfigurationError: The service account's key cannot be read or used.
    """
    return build_worker_app(
        service=SERVICE,
        version=VERSION,
        description="Delivers push notifications by FCM HTTP v1.",
        notification_type=NotificationType.PUSH,
        settings=settings,
        providers=[_fcm_provider(settings)],
        compile_version=_compile,
    )


def _fcm_provider(settings: Settings) -> FcmProvider:
    try:
        account = parse_service_account(settings.fcm_service_account_file.read_text())
        client = create_http_client(
            settings.fcm_base_url,
            timeout_seconds=_SECONDS,
            http2=True,
            ca_file=settings.fcm_ca_file,
            max_connections=settings.concurrency,
        )
    except (ServiceAccountError, OSError) as error:
        msg = f"FCM_SERVICE_ACCOUNT_FILE or FCM_CA_FILE cannot be used: {error}"
        raise ConfigurationError(msg) from error
    return FcmProvider(
        account.project_id,
        client,
        GoogleAccessTokens(account, client),
        lambda: datetime.now(UTC),
    )


def _compile(version: TemplateVersion) -> CompiledPush | None:
    if version.push is None:
        return None
    source = version.push
    return compile_push(
        PushContent(source.title, source.body, source.image, source.link, source.data)
    )

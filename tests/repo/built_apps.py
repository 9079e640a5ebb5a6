"""Every process's application, built as its main builds it; nothing is connected."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI
from tests.repo import compose_file

import api_gateway.bootstrap
import email_service.bootstrap
import push_service.bootstrap
import template_service.bootstrap
import user_service.bootstrap
from api_gateway.settings import RelaySettings
from api_gateway.settings import Settings as GatewaySettings
from devstack.addresses import new_signing_key
from email_service.settings import Settings as EmailSettings
from push_service.settings import Settings as PushSettings
from servicekit.settings import PLACEHOLDER
from template_service.settings import Settings as TemplateSettings
from user_service.settings import Settings as UserSettings


def build_apps(folder: Path) -> dict[str, FastAPI]:
    """All six; a key file for FCM is put into the folder."""
    account = service_account(folder / "service-account.json")
    variables = {
        name: value.replace(PLACEHOLDER, "0123456789abcdef" * 2)
        for name, value in compose_file.example().items()
    }
    variables |= {"JWT_PRIVATE_KEY": new_signing_key(), "FCM_CA_FILE": ""}

    def settings(part: str) -> dict[str, Any]:
        environment = compose_file.environment_of(part, variables)
        if part == "push-service":
            environment["FCM_SERVICE_ACCOUNT_FILE"] = str(account)
        return {name.lower(): value for name, value in environment.items()}

    build: dict[str, Callable[[dict[str, Any]], FastAPI]] = {
        "api-gateway": lambda values: api_gateway.bootstrap.build_app(
            GatewaySettings.model_validate(values)
        ),
        "relay": lambda values: api_gateway.bootstrap.build_relay(
            RelaySettings.model_validate(values)
        ),
        "user-service": lambda values: user_service.bootstrap.build_app(
            UserSettings.model_validate(values)
        ),
        "template-service": lambda values: template_service.bootstrap.build_app(
            TemplateSettings.model_validate(values)
        ),
        "email-service": lambda values: email_service.bootstrap.build_app(
            EmailSettings.model_validate(values)
        ),
        "push-service": lambda values: push_service.bootstrap.build_app(
            PushSettings.model_validate(values)
        ),
    }
    return {part: make(settings(part)) for part, make in build.items()}


def service_account(path: Path) -> Path:
    """A key file as Google's console hands it out."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "project_id": "tests",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "tests@tests.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    path.write_text(json.dumps(account))
    return path

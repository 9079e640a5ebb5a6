"""Who may call what: every route says so, and what is open to everybody is listed here."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from tests.repo import compose_file

import api_gateway.bootstrap
import email_service.bootstrap
import push_service.bootstrap
import template_service.bootstrap
import user_service.bootstrap
from api_gateway.adapters import remote_snapshots
from api_gateway.settings import RelaySettings
from api_gateway.settings import Settings as GatewaySettings
from devstack.addresses import new_signing_key
from email_service.settings import Settings as EmailSettings
from push_service.settings import Settings as PushSettings
from servicekit.access import PUBLIC_PATHS, declared_access, is_public
from servicekit.settings import PLACEHOLDER
from template_service.settings import Settings as TemplateSettings
from user_service.settings import Settings as UserSettings

OPEN_TO_EVERYBODY: Final = {
    ("user-service", "POST", "/api/v1/auth/login"),
    ("user-service", "GET", "/api/v1/auth/jwks.json"),
    # SendGrid holds no credential of ours; its signature is checked before anything is read.
    ("email-service", "POST", "/api/v1/providers/sendgrid/events"),
}
"""Beside health, metrics and documentation. Whoever adds one says why it must be open."""


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FastAPI]:
    """Every process's application, built as its main builds it; nothing is connected."""
    account = service_account(tmp_path_factory.mktemp("fcm") / "service-account.json")
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


def routes(apps: dict[str, FastAPI]) -> list[tuple[str, RouteContext]]:
    """Every route that is not health, metrics or documentation."""
    return [
        (name, route)
        for name, app in apps.items()
        for route in iter_route_contexts(app.routes)
        if (route.path or "").removeprefix("/api/v1") not in PUBLIC_PATHS
    ]


def test_the_routes_are_found(apps: dict[str, FastAPI]) -> None:
    found = {(name, route.path) for name, route in routes(apps)}
    assert ("api-gateway", "/api/v1/notifications") in found
    assert ("user-service", "/api/v1/users") in found
    assert ("template-service", "/api/v1/templates") in found


def test_every_route_says_who_may_call_it(apps: dict[str, FastAPI]) -> None:
    silent = [
        f"{name} {route.path}"
        for name, route in routes(apps)
        if declared_access(route) is None and not is_public(route)
    ]
    assert silent == []


def test_what_is_open_to_everybody_is_listed(apps: dict[str, FastAPI]) -> None:
    found = {
        (name, method, route.path)
        for name, route in routes(apps)
        if is_public(route)
        for method in route.methods or ()
    }
    assert found == OPEN_TO_EVERYBODY


def test_our_own_services_are_named_as_they_are_called(apps: dict[str, FastAPI]) -> None:
    for name, route in routes(apps):
        access = declared_access(route)
        unknown = set(access.services if access else ()) - {*apps, "mta"}
        assert not unknown, f"{name} {route.path} admits {unknown}"


@pytest.mark.parametrize(
    ("owner", "method", "path"),
    [
        ("user-service", "GET", remote_snapshots.USER_PATH),
        ("user-service", "POST", remote_snapshots.USERS_PATH),
        ("template-service", "GET", remote_snapshots.TEMPLATE_PATH),
        ("template-service", "POST", remote_snapshots.TEMPLATES_PATH),
    ],
)
def test_what_the_gateway_asks_of_an_owner_is_there_for_it(
    apps: dict[str, FastAPI], owner: str, method: str, path: str
) -> None:
    access = [
        declared_access(route)
        for name, route in routes(apps)
        if (name, re.sub(r"{\w+}", "{}", route.path or "")) == (owner, path)
        and method in (route.methods or ())
    ]
    assert [each.services for each in access if each] == [("api-gateway",)]


def test_only_the_gateway_serves_what_applications_send(apps: dict[str, FastAPI]) -> None:
    sending = {name for name, route in routes(apps) if "/notifications" in (route.path or "")}
    assert sending == {"api-gateway"}


def test_a_status_is_reported_by_our_own_services_alone(apps: dict[str, FastAPI]) -> None:
    found = {
        (name, route.path): declared_access(route)
        for name, route in routes(apps)
        if (route.path or "").endswith("/status")
    }
    assert set(found) == {
        ("api-gateway", "/api/v1/email/status"),
        ("api-gateway", "/api/v1/push/status"),
        ("email-service", "/api/v1/status"),
        ("push-service", "/api/v1/status"),
    }
    for access in found.values():
        assert access is not None
        assert access.services
        assert not access.users
        assert access.scope is None

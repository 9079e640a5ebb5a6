"""What devstack puts into a process's environment is what that process reads."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from api_gateway.settings import RelaySettings
from api_gateway.settings import Settings as GatewaySettings
from devstack.addresses import DEFAULT_PORTS, SERVICES, Addresses, StackSecrets
from devstack.environments import environment_of
from email_service.settings import Settings as EmailSettings
from push_service.settings import Settings as PushSettings
from template_service.settings import Settings as TemplateSettings
from user_service.settings import Settings as UserSettings

SETTINGS: dict[str, type[BaseSettings]] = {
    "api-gateway": GatewaySettings,
    "relay": RelaySettings,
    "user-service": UserSettings,
    "template-service": TemplateSettings,
    "email-service": EmailSettings,
    "push-service": PushSettings,
}


@pytest.fixture
def addresses(tmp_path: Path) -> Addresses:
    database = "postgresql+asyncpg://role:secret@127.0.0.1:5432/name"
    return Addresses(
        ports=dict(DEFAULT_PORTS),
        amqp_url="amqp://user:secret@127.0.0.1:5672/%2F",
        redis_url="redis://:secret@127.0.0.1:6379/0",
        users_database_url=database,
        templates_database_url=database,
        notifications_database_url=database,
        service_account_file=tmp_path / "account.json",
        fcm_ca_file=tmp_path / "ca.pem",
    )


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_read_and_every_needed_one_is_there(
    service: str, addresses: Addresses, tmp_path: Path
) -> None:
    environment = environment_of(service, addresses, StackSecrets.kept_in(tmp_path / "secrets"))
    fields = SETTINGS[service].model_fields
    needed = {name.upper() for name, field in fields.items() if field.is_required()}
    assert needed <= set(environment)
    assert set(environment) <= {name.upper() for name in fields}


def test_secrets_are_made_once_and_kept_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = StackSecrets.kept_in(folder)
    assert StackSecrets.kept_in(folder) == first
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_an_override_wins(addresses: Addresses, tmp_path: Path) -> None:
    secrets = StackSecrets.kept_in(tmp_path / "secrets")
    environment = environment_of("relay", addresses, secrets, {"PORT": "1"})
    assert environment["PORT"] == "1"

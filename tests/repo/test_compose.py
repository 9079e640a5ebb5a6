"""docker-compose.yml and .env.example keep in step with what the services read, and with DESIGN.

`make test-compose` runs the file for real; this checks what can be checked without an engine.
"""

import re
from enum import StrEnum
from typing import Any, Final, Literal, get_args, get_origin

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from tests.repo import compose_file
from tests.repo.members import ROOT, SERVICES

from api_gateway.settings import RelaySettings
from devstack.addresses import Addresses, StackSecrets, new_signing_key
from devstack.environments import environment_of
from devstack.sandbox.settings import SandboxSettings
from email_service.adapters.smtp_server import SmtpTls
from servicekit.settings import PLACEHOLDER, ServiceSettings

PARTS: Final = compose_file.parts()
SETTINGS: Final[dict[str, type[ServiceSettings]]] = {
    **{service.name: service.settings for service in SERVICES},
    "relay": RelaySettings,
}
MIGRATIONS: Final = {f"{each.name}-migrations": each.name for each in SERVICES if each.has_database}
SERVERS: Final = ("postgres", "redis", "rabbitmq")
WORKERS: Final = ("email-service", "push-service")
LONG_RUNNING: Final = (*SERVERS, *SETTINGS, "sandbox")
READ_BY_COMPOSE_ITSELF: Final = {"COMPOSE_PROFILES"}
MAY_BE_EMPTY: Final = {
    "SMTP_PASSWORD",
    "SMTP_B_PASSWORD",
    "SENDGRID_API_KEY",
    "SENDGRID_WEBHOOK_PUBLIC_KEY",
    "DKIM_PRIVATE_KEY",
}


def filled_example() -> dict[str, str]:
    """What `make up` writes, with secrets that anybody can read."""
    filled = {
        name: value.replace(PLACEHOLDER, "0123456789abcdef" * 2)
        for name, value in compose_file.example().items()
    }
    return {**filled, "JWT_PRIVATE_KEY": new_signing_key().replace("\n", "\\n")}


def names_read_by(settings: type[BaseSettings]) -> set[str]:
    prefix = settings.model_config.get("env_prefix") or ""
    return {f"{prefix}{name}".upper() for name in settings.model_fields}


def names_needed_by(settings: type[BaseSettings]) -> set[str]:
    fields = settings.model_fields.items()
    return {name.upper() for name, field in fields if field.is_required()}


def depends_on(part: str) -> dict[str, str]:
    return {name: how["condition"] for name, how in PARTS[part].get("depends_on", {}).items()}


def test_the_file_holds_our_processes_their_servers_and_the_sandbox() -> None:
    assert set(PARTS) == {*LONG_RUNNING, *MIGRATIONS}


@pytest.mark.parametrize("part", [*SETTINGS, *MIGRATIONS, "sandbox"])
def test_each_of_our_images_is_built_from_a_dockerfile_that_exists(part: str) -> None:
    image = PARTS[part]["image"]
    builds = [
        each["build"] for each in PARTS.values() if each["image"] == image and "build" in each
    ]
    assert len(builds) == 1, f"{image} is built {len(builds)} times"
    assert (ROOT / builds[0]["context"]).is_dir()
    assert (ROOT / builds[0]["context"] / builds[0]["dockerfile"]).is_file()


def test_every_variable_is_explained_in_the_example_and_used() -> None:
    used = set(compose_file.variables_used())
    assert set(compose_file.example()) == used | READ_BY_COMPOSE_ITSELF


def test_a_secret_has_no_default() -> None:
    for name, operators in compose_file.variables_used().items():
        if name.endswith(("_PASSWORD", "_TOKEN", "_KEY")) and name not in MAY_BE_EMPTY:
            assert operators == {":?"}, name


def test_the_example_names_every_value_of_a_choice_and_no_other() -> None:
    """A comment above a setting that is an enum or a literal lists its values, and only them."""
    lines = compose_file.example_text().splitlines()
    for part in SETTINGS:
        for name, field in SETTINGS[part].model_fields.items():
            values = choices(field.annotation)
            if values and name.upper() in compose_file.example():
                assert compose_file.example()[name.upper()] in values
                assert values == values_explained(lines, name.upper()), name.upper()


def test_the_example_s_advice_for_production_is_accepted() -> None:
    (advice,) = re.findall(r"In production: your SMTP server, .*", compose_file.example_text())
    ways = re.findall(r"(\d+), (\w+)|(\w+), with (\d+)", advice)
    found = {(port or later, tls or way) for port, tls, way, later in ways}
    assert found == {("587", SmtpTls.STARTTLS.value), ("465", SmtpTls.IMPLICIT.value)}


def choices(annotation: Any) -> set[str]:
    """The values of an enum or a literal of texts; none for every other type."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return {each.value for each in annotation}
    return set(get_args(annotation)) if get_origin(annotation) is Literal else set()


def values_explained(lines: list[str], name: str) -> set[str]:
    """The words of the comment's sentence on a variable: `# NAME: a, b or c.` or right above it."""
    at = next(index for index, line in enumerate(lines) if line.startswith(f"{name}="))
    named = [line.removeprefix(f"# {name}: ") for line in lines if line.startswith(f"# {name}: ")]
    sentence = (named or [lines[at - 1].removeprefix("# ")])[0].partition(":")[0]
    return set(re.split(r", or |, | or ", sentence.rstrip(".")))


def test_the_example_holds_no_secret() -> None:
    for name, value in compose_file.example().items():
        if name.endswith(("_PASSWORD", "_TOKEN", "_KEY")):
            assert value == ("" if name in MAY_BE_EMPTY else PLACEHOLDER), name


@pytest.mark.parametrize("part", SETTINGS)
def test_what_a_process_cannot_do_without_is_set(part: str) -> None:
    assert names_needed_by(SETTINGS[part]) <= set(PARTS[part]["environment"])


@pytest.mark.parametrize("part", SETTINGS)
def test_nothing_is_set_that_the_process_does_not_read(part: str) -> None:
    # A second SMTP server has the variables of the first, under its own name.
    set_for = {re.sub("^SMTP_B_", "SMTP_", name) for name in PARTS[part]["environment"]}
    assert set_for <= names_read_by(SETTINGS[part])


def test_nothing_is_set_that_the_sandbox_does_not_read() -> None:
    assert set(PARTS["sandbox"]["environment"]) <= names_read_by(SandboxSettings)


@pytest.mark.parametrize("part", MIGRATIONS)
def test_a_migration_is_told_its_service_s_database_and_nothing_else(part: str) -> None:
    owner = PARTS[MIGRATIONS[part]]["environment"]
    assert PARTS[part]["environment"] == {"DATABASE_URL": owner["DATABASE_URL"]}


@pytest.mark.parametrize("part", SETTINGS)
def test_a_filled_example_is_what_the_process_accepts(part: str) -> None:
    environment = compose_file.environment_of(part, filled_example())
    settings = SETTINGS[part].model_validate({k.lower(): v for k, v in environment.items()})
    assert settings.environment == "production"


@pytest.mark.parametrize("part", SETTINGS)
def test_the_example_as_it_is_starts_nothing(part: str) -> None:
    environment = compose_file.environment_of(part, compose_file.example())
    with pytest.raises(ValidationError):
        SETTINGS[part].model_validate({k.lower(): v for k, v in environment.items()})


def test_without_an_env_file_compose_names_what_is_missing() -> None:
    with pytest.raises(LookupError, match="POSTGRES_PASSWORD"):
        compose_file.environment_of("postgres", {})


@pytest.mark.parametrize("part", SETTINGS)
def test_compose_sets_whatever_the_local_stack_sets(part: str) -> None:
    secrets = StackSecrets("", "", "", dict.fromkeys(SETTINGS, ""), {})
    ports = dict.fromkeys((*SETTINGS, "smtp", "fcm", "inbox"), 1)
    addresses = Addresses(ports, "", "", "", "", "", ROOT, ROOT)
    local = set(environment_of(part, addresses, secrets)) - {"HOST", "PORT"}
    assert local <= set(PARTS[part]["environment"])


def test_callers_and_called_share_each_service_token() -> None:
    def of(part: str) -> dict[str, str]:
        return compose_file.environment_of(part, filled_example())

    for part in SETTINGS:
        own = of(part).get("SERVICE_TOKEN")
        if own is not None:
            name = "api-gateway" if part == "relay" else part  # the gateway's other process
            assert own.startswith(f"{name}:")
    for called in ("user-service", "template-service"):
        for entry in of(called)["SERVICE_TOKENS"].split(","):
            caller = of(entry.partition(":")[0])
            assert caller["SERVICE_TOKEN"] == entry
            address = f"{called.upper().replace('-', '_')}_URL"
            assert address in caller, f"{called} lets in one that does not call it: {entry}"


def test_whoever_may_report_a_status_shows_the_token_that_it_has() -> None:
    reporters = {
        "api-gateway": {"email-service", "push-service"},
        "email-service": {"api-gateway", "mta"},
        "push-service": {"api-gateway"},
    }
    environments = {part: compose_file.environment_of(part, filled_example()) for part in reporters}
    for called, callers in reporters.items():
        entries = environments[called]["SERVICE_TOKENS"].split(",")
        assert {entry.partition(":")[0] for entry in entries} == callers
        for entry in entries:
            if not entry.startswith("mta:"):
                assert environments[entry.partition(":")[0]]["SERVICE_TOKEN"] == entry


def test_only_the_gateway_is_published_to_the_world() -> None:
    for name, part in PARTS.items():
        for port in part.get("ports", []):
            if name != "api-gateway":
                assert str(port).startswith("127.0.0.1:"), name


@pytest.mark.parametrize("part", [*WORKERS, "relay"])
def test_a_worker_can_run_many_times(part: str) -> None:
    assert not {"ports", "container_name", "hostname"} & set(PARTS[part])


@pytest.mark.parametrize("part", SERVERS)
def test_a_server_is_not_published_and_keeps_its_data_in_a_volume(part: str) -> None:
    assert "ports" not in PARTS[part]
    assert any(str(volume).startswith(f"{part}-data:") for volume in PARTS[part]["volumes"])


@pytest.mark.parametrize("part", LONG_RUNNING)
def test_what_runs_on_is_restarted_watched_and_bounded(part: str) -> None:
    found: dict[str, Any] = PARTS[part]
    assert found["restart"] == "unless-stopped"
    assert found["healthcheck"]["test"]
    assert found["mem_limit"]
    assert int(found["stop_grace_period"].removesuffix("s")) >= 40


@pytest.mark.parametrize("part", [*SETTINGS, *MIGRATIONS, "sandbox"])
def test_our_containers_can_write_nothing_and_gain_nothing(part: str) -> None:
    found = PARTS[part]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]


def test_every_migration_ends_before_its_service_starts() -> None:
    for migration, service in MIGRATIONS.items():
        assert PARTS[migration]["restart"] == "no"
        assert PARTS[migration]["image"] == PARTS[service]["image"]
        assert depends_on(service)[migration] == "service_completed_successfully"
    assert depends_on("relay")["api-gateway-migrations"] == "service_completed_successfully"


@pytest.mark.parametrize("part", SETTINGS)
def test_a_process_waits_for_the_servers_that_it_is_told_of(part: str) -> None:
    told = {"DATABASE_URL": "postgres", "REDIS_URL": "redis", "AMQP_URL": "rabbitmq"}
    for name, server in told.items():
        if name in PARTS[part]["environment"]:
            assert depends_on(part)[server] == "service_healthy"
            assert set(PARTS[part]["networks"]) & set(PARTS[server]["networks"])


def test_servers_have_no_way_out_and_the_sandbox_has_none_to_them() -> None:
    networks = compose_file.networks()
    inside = {name for name, network in networks.items() if network.get("internal")}
    for server in SERVERS:
        assert set(PARTS[server]["networks"]) <= inside
    assert not set(PARTS["sandbox"]["networks"]) & inside


def test_redis_forgets_nothing_by_itself() -> None:
    command = " ".join(PARTS["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_the_broker_gets_topology_and_configuration_from_the_repository() -> None:
    volumes = PARTS["rabbitmq"]["volumes"]
    for file in ("rabbitmq.conf", "definitions.json", "start-with-definitions.sh"):
        assert (ROOT / "rabbitmq-config" / file).is_file()
        mounts = [each for each in volumes if each.startswith(f"./rabbitmq-config/{file}:")]
        assert [mount.rpartition(":")[2] for mount in mounts] == ["ro"]
    # The data lie in a folder that is named after the host.
    assert PARTS["rabbitmq"]["hostname"] == "rabbitmq"


def test_a_placeholder_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="DATABASE_URL still holds a placeholder"):
        RelaySettings.model_validate(
            {
                "database_url": f"postgresql+asyncpg://u:{PLACEHOLDER}@h/d",
                "redis_url": "redis://h",
                "amqp_url": "amqp://h",
                "user_service_url": "http://h",
                "template_service_url": "http://h",
                "service_token": "api-gateway:secret",
            }
        )

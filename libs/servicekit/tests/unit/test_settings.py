import os
import subprocess
import sys

import pytest
from pydantic import SecretStr

from servicekit.service_tokens import parse_service_tokens
from servicekit.settings import ServiceSettings, load_settings

PROGRAM = """
from pydantic import SecretStr
from servicekit.settings import ServiceSettings, load_settings

class Settings(ServiceSettings):
    database_url: str
    jwt_key: SecretStr

settings = load_settings(Settings, "user-service")
print(settings.port, settings.environment, settings)
"""
COMPLETE = {"PORT": "8001", "DATABASE_URL": "postgresql://", "JWT_KEY": "hunter2"}


def start(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Start a service as an operator does: the environment is all that it gets."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_starts_when_all_is_set_and_never_shows_a_secret() -> None:
    done = start(COMPLETE)
    assert done.returncode == 0
    assert done.stdout.startswith("8001 production ")
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("value", [None, ""])
def test_names_the_variable_that_is_missing(name: str, value: str | None) -> None:
    environment = {key: each for key, each in COMPLETE.items() if key != name}
    done = start(environment if value is None else {**environment, name: value})
    assert done.returncode == 78
    assert done.stderr == f"user-service cannot start: {name} is not set. See .env.example.\n"


def test_has_a_sentence_for_each_wrong_variable() -> None:
    done = start({"PORT": "many"})
    assert done.returncode == 78
    assert [line.split()[3] for line in done.stderr.splitlines()] == [
        "PORT",
        "DATABASE_URL",
        "JWT_KEY",
    ]


def test_refuses_a_placeholder_in_production_and_says_which() -> None:
    done = start({**COMPLETE, "JWT_KEY": "please-change-me-now"})
    assert done.returncode == 78
    assert done.stderr == (
        "user-service cannot start: JWT_KEY still holds a placeholder; set a secret of your own."
        " See .env.example.\n"
    )


def test_takes_a_placeholder_in_development() -> None:
    done = start({**COMPLETE, "JWT_KEY": "change-me", "ENVIRONMENT": "development"})
    assert done.returncode == 0


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = ServiceSettings(port=1)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 2  # type: ignore[misc]


def test_load_settings_returns_what_it_was_asked_for() -> None:
    class Fixed(ServiceSettings):
        port: int = 7

    assert load_settings(Fixed, "x").port == 7


def test_reads_the_tokens_of_several_services() -> None:
    tokens = parse_service_tokens(SecretStr("api-gateway:a:b, email-service:c"))
    assert tokens == {"api-gateway": "a:b", "email-service": "c"}


@pytest.mark.parametrize("value", ["", "api-gateway", "api-gateway:", ":x", "a:b,", "a:b,,c:d"])
def test_refuses_a_list_of_service_tokens_like(value: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a list of service:token"):
        parse_service_tokens(SecretStr(value))

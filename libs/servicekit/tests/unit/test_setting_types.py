"""Addresses and tokens in settings: what is taken, and the sentence for what is not."""

import os
import subprocess
import sys
from typing import Annotated, Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from servicekit.setting_types import (
    AmqpUrl,
    DatabaseUrl,
    RedisUrl,
    ServiceUrl,
    service_token_of,
)

PROGRAM = """
from servicekit.setting_types import AmqpUrl
from servicekit.settings import ServiceSettings, load_settings

class Settings(ServiceSettings):
    amqp_url: AmqpUrl

load_settings(Settings, "api-gateway")
"""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (DatabaseUrl, "postgresql+asyncpg://users:x@postgres:5432/users"),
        (DatabaseUrl, "postgresql+asyncpg://users@[::1]/users?ssl=require"),
        (RedisUrl, "redis://redis"),
        (RedisUrl, "redis://:p%40ss@redis:6379/0"),
        (RedisUrl, "rediss://redis:6379/0"),
        (AmqpUrl, "amqp://user:p%2Fss@rabbitmq:5672/%2F"),
        (AmqpUrl, "amqps://rabbitmq"),
        (ServiceUrl, "http://user-service:8001"),
    ],
)
def test_takes(kind: Any, value: str) -> None:
    TypeAdapter[object](kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (DatabaseUrl, "postgresql://users@postgres/users", r"begin with postgresql\+asyncpg://"),
        (DatabaseUrl, "postgresql+asyncpg:///users", "must be postgresql"),
        (RedisUrl, "redis:6379", "must begin with redis:// or rediss://"),
        (RedisUrl, "redis://redis:port/0", "must be redis://user:password@host:port/"),
        (AmqpUrl, "http://rabbitmq", "must begin with amqp:// or amqps://"),
        (AmqpUrl, "amqp://rabbitmq:99999/", "must be amqp://user:password@host:port/"),
        (AmqpUrl, "amqp://rabbitmq:0/", "must be amqp://"),
        (AmqpUrl, "amqp://", "must be amqp://"),
        (AmqpUrl, "amqp://[::1/", "must be amqp://"),
        (AmqpUrl, "amqp://user:pa/ss@rabbitmq/", "percent-encoded"),
        (ServiceUrl, "user-service", "valid URL"),
        (ServiceUrl, "ftp://user-service", "URL scheme"),
    ],
)
def test_refuses(kind: Any, value: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter[object](kind).validate_python(value)


@pytest.mark.parametrize(
    ("service", "value", "is_taken"),
    [
        ("api-gateway", "api-gateway:a:b", True),
        ("api-gateway", "api-gateway:", False),
        ("api-gateway", "other:a", False),
        ("api-gateway", "a", False),
        (None, "other:a", True),
        (None, ":a", False),
        (None, "a", False),
    ],
)
def test_a_service_token_names_its_service(service: str | None, value: str, is_taken: bool) -> None:
    kind: TypeAdapter[SecretStr] = TypeAdapter(Annotated[SecretStr, service_token_of(service)])
    if is_taken:
        assert kind.validate_python(value).get_secret_value() == value
        return
    with pytest.raises(ValidationError, match=f"must be {service or '<service>'}:<token>"):
        kind.validate_python(value)


def test_a_wrong_address_is_one_sentence_without_its_password() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PATH": os.defpath, "PORT": "1", "AMQP_URL": "amqp://user:hunt/er2@rabbitmq:5672/"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    assert done.stderr == (
        "api-gateway cannot start: AMQP_URL must be amqp://user:password@host:port/…, with special "
        "characters of the password percent-encoded. See .env.example.\n"
    )

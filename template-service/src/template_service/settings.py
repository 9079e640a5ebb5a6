"""What template-service reads from its environment."""

from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator

from servicekit.service_tokens import parse_service_tokens
from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """A field's name in capitals is its environment variable.

    `SERVICE_TOKEN` is what we show to others (`template-service:<token>`), `SERVICE_TOKENS` what
    others show to us. The addresses of PostgreSQL and Redis hold passwords, so they are secrets.
    """

    port: int = 8002
    database_url: SecretStr
    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 5
    redis_url: SecretStr
    redis_max_connections: Annotated[int, Field(ge=1, le=1000)] = 20
    user_service_url: AnyHttpUrl
    service_token: SecretStr
    service_tokens: SecretStr

    @field_validator("database_url")
    @classmethod
    def _names_the_driver(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith("postgresql+asyncpg://"):
            msg = "must begin with postgresql+asyncpg://"
            raise ValueError(msg)
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis_address(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("redis://", "rediss://")):
            msg = "must begin with redis:// or rediss://"
            raise ValueError(msg)
        return value

    @field_validator("service_token")
    @classmethod
    def _names_this_service(cls, value: SecretStr) -> SecretStr:
        name, _, token = value.get_secret_value().partition(":")
        if name != "template-service" or not token:
            msg = "must be template-service:<token>"
            raise ValueError(msg)
        return value

    @field_validator("service_tokens")
    @classmethod
    def _lists_callers(cls, value: SecretStr) -> SecretStr:
        parse_service_tokens(value)
        return value

"""What the gateway and its relay read from their environment."""

from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr, field_validator

from servicekit.settings import ServiceSettings


def _begins_with(*schemes: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(schemes):
            msg = f"must begin with {' or '.join(schemes)}"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


# Addresses hold passwords, so they are secrets.
DatabaseUrl = Annotated[
    SecretStr,
    _begins_with("postgresql+asyncpg://"),
    Field(description="postgresql+asyncpg://…, database `notifications`"),
]
RedisUrl = Annotated[SecretStr, _begins_with("redis://", "rediss://")]
AmqpUrl = Annotated[SecretStr, _begins_with("amqp://", "amqps://")]


class Settings(ServiceSettings):
    """Settings of the HTTP API. A field's name in capitals is its environment variable."""

    port: int = 8000
    database_url: DatabaseUrl
    database_pool_size: int = Field(default=10, ge=1, le=200)
    redis_url: RedisUrl
    amqp_url: AmqpUrl
    user_service_url: AnyHttpUrl
    template_service_url: AnyHttpUrl
    service_token: SecretStr = Field(description="`api-gateway:<token>`, as the services know it")

    @field_validator("service_token")
    @classmethod
    def _names_this_service(cls, value: SecretStr) -> SecretStr:
        name, _, token = value.get_secret_value().partition(":")
        if name != "api-gateway" or not token:
            msg = "must be api-gateway:<token>"
            raise ValueError(msg)
        return value


class RelaySettings(ServiceSettings):
    """Settings of the relay."""

    port: int = 8010
    database_url: DatabaseUrl
    database_pool_size: int = Field(default=5, ge=1, le=200)
    amqp_url: AmqpUrl

"""What the gateway and its relay read from their environment."""

from pydantic import Field, SecretStr

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the HTTP API; the relay takes the same, with a port of its own."""

    port: int = 8000
    database_url: SecretStr = Field(description="postgresql+asyncpg://…, database `notifications`")
    database_pool_size: int = Field(default=10, ge=1, le=200)
    redis_url: SecretStr
    amqp_url: SecretStr
    user_service_url: str
    template_service_url: str
    service_token: SecretStr = Field(description="`api-gateway:<token>`, as the services know it")


class RelaySettings(ServiceSettings):
    """Settings of the relay."""

    port: int = 8010
    database_url: SecretStr
    database_pool_size: int = Field(default=5, ge=1, le=200)
    amqp_url: SecretStr

"""What the gateway and its relay read from their environment."""

from typing import Annotated

from pydantic import Field, SecretStr

from servicekit.setting_types import (
    AmqpUrl,
    DatabaseUrl,
    RedisUrl,
    ServiceUrl,
    service_token_of,
)
from servicekit.settings import ServiceSettings

ReconcileAfter = Annotated[
    int,
    Field(
        ge=1,
        le=7 * 24 * 3600,
        description="Seconds after which a pending delivery that is silent is published again",
    ),
]


class Settings(ServiceSettings):
    """Settings of the HTTP API. A field's name in capitals is its environment variable."""

    port: int = 8000
    database_url: DatabaseUrl
    database_pool_size: int = Field(default=10, ge=1, le=200)
    redis_url: RedisUrl
    amqp_url: AmqpUrl
    user_service_url: ServiceUrl
    template_service_url: ServiceUrl
    reconcile_after_seconds: ReconcileAfter = 3600
    service_token: Annotated[SecretStr, service_token_of("api-gateway")] = Field(
        description="`api-gateway:<token>`, as the services know it"
    )


class RelaySettings(ServiceSettings):
    """Settings of the relay."""

    port: int = 8010
    database_url: DatabaseUrl
    database_pool_size: int = Field(default=5, ge=1, le=200)
    amqp_url: AmqpUrl
    reconcile_after_seconds: ReconcileAfter = 3600
    history_retention_days: int = Field(
        default=90,
        ge=0,
        le=36_500,
        description="Whole months of the history that are older are dropped; 0: none ever is",
    )

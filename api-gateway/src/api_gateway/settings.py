"""What the gateway and its relay read from their environment."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from api_gateway.adapters.failpoints import Failpoint
from servicekit.service_tokens import ServiceTokens
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


GatewayToken = Annotated[
    SecretStr,
    service_token_of("api-gateway"),
    Field(description="`api-gateway:<token>`, as the services know it"),
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
    email_service_url: ServiceUrl | None = Field(
        default=None, description="where providers' events go; without it they are not taken here"
    )
    reconcile_after_seconds: ReconcileAfter = 3600
    service_token: GatewayToken
    service_tokens: ServiceTokens | None = Field(
        default=None, description="of the services that may report a status; none: nobody may"
    )
    caller_window: int = Field(
        default=100,
        ge=0,
        le=10_000,
        description="Messages of one caller and lane that are published at once in a quarter of a "
        "second; more wait for the caller's turn. 0: nobody waits for a turn",
    )
    most_waiting_of_a_caller: int = Field(
        default=100_000,
        ge=1,
        le=1_000_000,
        description="So many messages of one caller may wait; then its notifications are refused",
    )
    failpoint: Failpoint | None = Field(
        default=None, description="for tests: the step at which the process kills itself"
    )
    failpoint_file: Path | None = Field(
        default=None, description="for tests: it does so once, when it could remove this file"
    )

    @model_validator(mode="after")
    def _refuse_failpoints(self) -> Self:
        if self.failpoint is not None and self.environment != "development":
            msg = "FAILPOINT is for tests; it is refused unless ENVIRONMENT=development"
            raise ValueError(msg)
        return self


class RelaySettings(ServiceSettings):
    """Settings of the relay."""

    port: int = 8010
    database_url: DatabaseUrl
    database_pool_size: int = Field(default=5, ge=1, le=200)
    redis_url: RedisUrl
    amqp_url: AmqpUrl
    user_service_url: ServiceUrl
    template_service_url: ServiceUrl
    service_token: GatewayToken
    reconcile_after_seconds: ReconcileAfter = 3600
    history_retention_days: int = Field(
        default=90,
        ge=0,
        le=36_500,
        description="Whole months of the history that are older are dropped; 0: none ever is",
    )

"""What every worker reads from its environment; each channel adds its providers' settings."""

from typing import Annotated

from pydantic import Field, SecretStr

from servicekit.setting_types import AmqpUrl, RedisUrl, ServiceUrl, service_token_of
from servicekit.settings import ServiceSettings


class WorkerSettings(ServiceSettings):
    """Settings of a worker."""

    amqp_url: AmqpUrl
    redis_url: RedisUrl
    template_service_url: ServiceUrl
    service_token: Annotated[SecretStr, service_token_of()] = Field(
        description="`<service>:<token>`, as template-service knows it"
    )
    concurrency: int = Field(default=32, ge=1, le=1000, description="deliveries under way at once")
    attempt_seconds: float = Field(
        default=18.0,
        gt=0,
        le=20,
        description="deadline of a send; a stopping worker waits for it, and must end within 30 s",
    )
    lease_margin_seconds: float = Field(
        default=5.0,
        gt=0,
        description="a claim outlives rendering and the attempt's deadline by this",
    )

"""What every worker reads from its environment; each channel adds its providers' settings."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from contracts.suppression import MINIMUM_KEY_BYTES
from delivery.failpoints import Failpoint
from servicekit.service_tokens import ServiceTokens
from servicekit.setting_types import AmqpUrl, RedisUrl, ServiceUrl, service_token_of
from servicekit.settings import ServiceSettings


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().encode()) < MINIMUM_KEY_BYTES:
        msg = f"must have at least {MINIMUM_KEY_BYTES} bytes"
        raise ValueError(msg)
    return value


class WorkerSettings(ServiceSettings):
    """Settings of a worker."""

    amqp_url: AmqpUrl
    redis_url: RedisUrl
    template_service_url: ServiceUrl
    service_token: Annotated[SecretStr, service_token_of()] = Field(
        description="`<service>:<token>`, as template-service knows it"
    )
    service_tokens: ServiceTokens | None = Field(
        default=None, description="`<service>:<token>` of each that may call us; none: nobody may"
    )
    suppression_key: Annotated[SecretStr, AfterValidator(_long_enough)] = Field(
        description="key of the addresses' digests, the same in user-service and all workers"
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
    retry_backoff_seconds: float = Field(
        default=2.0, gt=0, le=60, description="before the second attempt; each further one × 6"
    )
    recipient_hourly_limit: int = Field(
        default=100,
        ge=0,
        description="deliveries to one address within an hour; what is more waits; 0: no limit",
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="a provider that fails so often in a row is left alone"
    )
    breaker_open_seconds: float = Field(default=60.0, gt=0, description="for so long, then probed")
    breaker_ramp_seconds: float = Field(
        default=30.0, ge=0, description="until a recovered provider has its full load again"
    )
    watchdog_seconds: float = Field(
        default=60.0,
        gt=0,
        description="a worker that gets nothing for so long while its lanes are full leaves",
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

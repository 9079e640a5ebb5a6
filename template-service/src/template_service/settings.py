"""What template-service reads from its environment."""

from typing import Annotated

from pydantic import Field, SecretStr

from servicekit.service_tokens import ServiceTokens
from servicekit.setting_types import DatabaseUrl, RedisUrl, ServiceUrl, service_token_of
from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """A field's name in capitals is its environment variable.

    `SERVICE_TOKEN` is what we show to others (`template-service:<token>`), `SERVICE_TOKENS` what
    others show to us.
    """

    port: int = 8002
    database_url: DatabaseUrl
    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 5
    redis_url: RedisUrl
    redis_max_connections: Annotated[int, Field(ge=1, le=1000)] = 20
    user_service_url: ServiceUrl
    service_token: Annotated[SecretStr, service_token_of("template-service")]
    service_tokens: ServiceTokens

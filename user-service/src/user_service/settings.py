"""What user-service reads from its environment."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from contracts.suppression import MINIMUM_KEY_BYTES
from servicekit.service_tokens import ServiceTokens
from servicekit.setting_types import AmqpUrl, DatabaseUrl, RedisUrl
from servicekit.settings import ServiceSettings
from user_service.domain.email_address import canonical_email
from user_service.domain.password import MAX_PASSWORD, MIN_PASSWORD
from user_service.domain.signing_key import SigningKey


class Settings(ServiceSettings):
    """A field's name in capitals is its environment variable.

    `JWT_PRIVATE_KEY` is a P-256 key in PEM; where a file format allows no line breaks, `\\n`
    stands for them. `SERVICE_TOKENS` is what our services show to us. `SUPPRESSION_KEY` makes the
    digests of addresses, the same in the workers; with another key, all suppressions are forgotten.
    `ADMIN_EMAIL` and `ADMIN_PASSWORD` belong together and name the first administrator.
    """

    port: int = 8001
    database_url: DatabaseUrl
    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 5
    redis_url: RedisUrl
    redis_max_connections: Annotated[int, Field(ge=1, le=1000)] = 20
    amqp_url: AmqpUrl
    jwt_private_key: SecretStr
    suppression_key: SecretStr
    service_tokens: ServiceTokens
    admin_email: str | None = None
    admin_password: SecretStr | None = None

    @field_validator("jwt_private_key")
    @classmethod
    def _is_a_signing_key(cls, value: SecretStr) -> SecretStr:
        pem = value.get_secret_value().replace("\\n", "\n")
        SigningKey.from_pem(pem)
        return SecretStr(pem)

    @field_validator("suppression_key")
    @classmethod
    def _is_strong_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value().encode()) < MINIMUM_KEY_BYTES:
            msg = f"must have at least {MINIMUM_KEY_BYTES} bytes; `openssl rand -hex 32` makes one"
            raise ValueError(msg)
        return value

    @field_validator("admin_email")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return None if value is None else canonical_email(value)

    @field_validator("admin_password")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not MIN_PASSWORD <= len(value) <= MAX_PASSWORD:
            msg = f"must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _name_the_admin_completely(self) -> Self:
        if (self.admin_email is None) != (self.admin_password is None):
            msg = "ADMIN_EMAIL and ADMIN_PASSWORD must be set together, or neither"
            raise ValueError(msg)
        return self

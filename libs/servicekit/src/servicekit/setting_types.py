"""Types of settings that several services read: checked at the start, said in a sentence if wrong.

Addresses hold passwords, so they are secrets, and no message quotes them.
"""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AnyHttpUrl, Field, SecretStr


def _address(*schemes: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if not url.startswith(schemes):
            msg = f"must begin with {' or '.join(schemes)}"
            raise ValueError(msg)
        if not _names_a_server(url):
            msg = (
                f"must be {schemes[0]}user:password@host:port/…, with special characters of the "
                "password percent-encoded"
            )
            raise ValueError(msg)
        return value

    return AfterValidator(check)


def _names_a_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is none, or half an IPv6 address
        return False


DatabaseUrl = Annotated[
    SecretStr,
    _address("postgresql+asyncpg://"),
    Field(description="postgresql+asyncpg://user:password@host:port/database"),
]
RedisUrl = Annotated[
    SecretStr,
    _address("redis://", "rediss://"),
    Field(description="redis://user:password@host:port/number"),
]
AmqpUrl = Annotated[
    SecretStr,
    _address("amqp://", "amqps://"),
    Field(description="amqp://user:password@host:port/virtual-host"),
]
ServiceUrl = Annotated[AnyHttpUrl, Field(description="Where a service of ours answers.")]


def service_token_of(service: str | None = None) -> AfterValidator:
    """Checks a token that we show to other services: `<service>:<token>`.

    For `Annotated[SecretStr, service_token_of("api-gateway")]`.

    Args:
        service: Our name; None: any, where it is not known yet.
    """

    def check(value: SecretStr) -> SecretStr:
        name, _, token = value.get_secret_value().partition(":")
        if not (name and token) or service not in {None, name}:
            msg = f"must be {service or '<service>'}:<token>"
            raise ValueError(msg)
        return value

    return AfterValidator(check)

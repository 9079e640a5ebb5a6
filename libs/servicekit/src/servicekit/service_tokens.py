"""Service tokens in the environment: `<service>:<token>`, several of them separated by commas."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

SERVICE_TOKEN_HEADER = "X-Service-Token"


def parse_service_tokens(value: SecretStr) -> dict[str, str]:
    """The token of each service that may call us.

    Raises:
        ValueError: An entry is not `<service>:<token>`.
    """
    tokens = {}
    for entry in value.get_secret_value().split(","):
        name, separator, token = entry.strip().partition(":")
        if not (name and separator and token):
            msg = "must be a list of service:token, separated by commas"
            raise ValueError(msg)
        tokens[name] = token
    return tokens


def _check(value: SecretStr) -> SecretStr:
    parse_service_tokens(value)
    return value


ServiceTokens = Annotated[SecretStr, AfterValidator(_check)]
"""The type of the setting that lists them; read by `parse_service_tokens`."""

"""What every service reads from its environment, and a start that says plainly what is missing."""

import sys
from typing import Literal, NoReturn, Self, TypeVar

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PLACEHOLDER = "change-me"
EX_CONFIG = 78  # of sysexits.h


class ServiceSettings(BaseSettings):
    """Settings that all services share; each adds its own.

    A field's name in capitals is its environment variable.
    Secrets are `SecretStr` without a default; placeholders are refused outside development.
    """

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_ignore_empty=True, secrets_dir=None
    )

    environment: Literal["development", "production"] = "production"
    host: str = "127.0.0.1"
    port: int
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _refuse_placeholders(self) -> Self:
        if self.environment == "production":
            for name in type(self).model_fields:
                value = getattr(self, name)
                if isinstance(value, SecretStr) and PLACEHOLDER in value.get_secret_value():
                    msg = f"{name.upper()} still holds a placeholder; set a secret of your own"
                    raise ValueError(msg)
        return self


class ConfigurationError(Exception):
    """The settings are complete and cannot be used; the message says what to change."""


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def load_settings(settings_class: type[SettingsT], service: str) -> SettingsT:
    """Read the settings from the environment, or leave with a sentence per wrong variable."""
    try:
        return settings_class()
    except ValidationError as error:
        _explain(error, service)


def _explain(error: ValidationError, service: str) -> NoReturn:
    for item in error.errors():
        name = "_".join(str(part) for part in item["loc"]).upper()
        what = "is not set" if item["type"] == "missing" else item["msg"]
        what = what.removeprefix("Value error, ")
        print(  # noqa: T201 - logging is not set up before the settings are read
            f"{service} cannot start: {name} {what}. See .env.example.".replace("  ", " "),
            file=sys.stderr,
        )
    raise SystemExit(EX_CONFIG)

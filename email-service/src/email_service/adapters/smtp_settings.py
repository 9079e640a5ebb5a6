"""What is read from the environment for one SMTP server; there may be several.

The server called `smtp` has the variables `SMTP_HOST`, `SMTP_PORT` …; one called `smtp-a` has
`SMTP_A_HOST`, `SMTP_A_PORT` …, with the same meanings and defaults.
"""

from collections.abc import Mapping

from pydantic import BaseModel, Field, SecretStr, ValidationError

from email_service.adapters.smtp_server import SmtpServer, SmtpTls
from servicekit.settings import PLACEHOLDER, ConfigurationError


class SmtpSettings(BaseModel):
    """The settings of one SMTP server, under the names of the one that is called `smtp`."""

    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: SmtpTls = SmtpTls.STARTTLS
    smtp_allow_plaintext: bool = Field(
        default=False,
        description="the network to the SMTP server is trusted; only for SMTP_TLS=none",
    )
    smtp_ca_file: str | None = None
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_helo_name: str = "localhost"
    smtp_connect_seconds: float = Field(
        default=4.0,
        gt=0,
        le=20,
        description="deadline of TCP, TLS, EHLO and AUTH together; then the next provider's turn",
    )


def variable_prefix(name: str) -> str:
    """How the variables of a server begin: `SMTP_A_` for `smtp-a`."""
    return name.upper().replace("-", "_") + "_"


def read_smtp_settings(
    name: str, environ: Mapping[str, str], *, allow_placeholders: bool = False
) -> SmtpSettings:
    """The settings of a server other than `smtp`.

    Args:
        name: `smtp-a`.
        environ: The environment; what is empty counts as absent.
        allow_placeholders: In development.

    Raises:
        ConfigurationError: Names the variables that are wrong.
    """
    prefix = variable_prefix(name)
    given = {
        field: value
        for field in SmtpSettings.model_fields
        if (value := environ.get(prefix + field.removeprefix("smtp_").upper()))
    }
    try:
        settings = SmtpSettings.model_validate(given)
    except ValidationError as error:
        wrong = (
            f"{prefix}{str(item['loc'][0]).removeprefix('smtp_').upper()}: {item['msg']}"
            for item in error.errors()
        )
        raise ConfigurationError("; ".join(wrong)) from error
    password = settings.smtp_password
    if password and not allow_placeholders and PLACEHOLDER in password.get_secret_value():
        msg = f"{prefix}PASSWORD still holds a placeholder; set a secret of your own"
        raise ConfigurationError(msg)
    return settings


def smtp_server(name: str, settings: SmtpSettings, *, timeout_seconds: float) -> SmtpServer:
    """The server that the settings describe.

    Args:
        name: What operators call it; the variables are named after it.
        settings: Its own.
        timeout_seconds: For each reply.

    Raises:
        ConfigurationError: A variable is missing, or they contradict each other.
    """
    prefix = variable_prefix(name)
    if settings.smtp_host is None:
        msg = f"{prefix}HOST is not set, and EMAIL_PROVIDERS names {name}"
        raise ConfigurationError(msg)
    password = settings.smtp_password
    try:
        return SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            helo_name=settings.smtp_helo_name,
            tls=settings.smtp_tls,
            allow_plaintext=settings.smtp_allow_plaintext,
            ca_file=settings.smtp_ca_file,
            username=settings.smtp_username,
            password=password.get_secret_value() if password else None,
            timeout_seconds=timeout_seconds,
            connect_seconds=settings.smtp_connect_seconds,
        )
    except ValueError as error:
        msg = f"the settings {prefix}… cannot be used: {error}"
        raise ConfigurationError(msg) from error

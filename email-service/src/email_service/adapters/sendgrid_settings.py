"""What is read from the environment for SendGrid, and what it describes."""

from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel, Field, SecretStr

from email_service.adapters.mail_sender import MailSender
from email_service.adapters.sendgrid_account import BASE_URL, SendGridAccount
from email_service.adapters.sendgrid_provider import SendGridProvider
from email_service.adapters.sendgrid_signature import (
    PublicKeyError,
    SendGridSignatures,
    parse_public_keys,
)
from servicekit.settings import ConfigurationError


class SendGridSettings(BaseModel):
    """The account that sends, and the keys that its webhook signs with."""

    sendgrid_api_key: SecretStr | None = Field(
        default=None, description="an API key with the permission Mail Send: SG.…"
    )
    sendgrid_base_url: str = Field(
        default=BASE_URL, description="https://api.eu.sendgrid.com for accounts in the EU"
    )
    sendgrid_ca_file: str | None = Field(
        default=None, description="certificates to trust instead of the system's"
    )
    sendgrid_webhook_public_key: str | None = Field(
        default=None,
        description="verification key of the signed event webhook; several: separated by commas",
    )


def sendgrid_provider(
    settings: SendGridSettings,
    sender: MailSender,
    now: Callable[[], datetime],
    *,
    timeout_seconds: float,
    max_connections: int,
) -> SendGridProvider:
    """The provider that the settings describe.

    Args:
        settings: Of SendGrid.
        sender: Whom mail comes from.
        now: Tells the aware time.
        timeout_seconds: For a whole call; below the attempt's deadline.
        max_connections: Calls under way at once.

    Raises:
        ConfigurationError: Names the variable that is missing or wrong.
    """
    if settings.sendgrid_api_key is None:
        msg = "SENDGRID_API_KEY is not set, and EMAIL_PROVIDERS names sendgrid"
        raise ConfigurationError(msg)
    try:
        account = SendGridAccount(
            api_key=settings.sendgrid_api_key.get_secret_value(),
            base_url=settings.sendgrid_base_url,
            ca_file=settings.sendgrid_ca_file,
            timeout_seconds=timeout_seconds,
            max_connections=max_connections,
        )
    except ValueError as error:
        msg = f"SENDGRID_API_KEY or SENDGRID_BASE_URL cannot be used: {error}"
        raise ConfigurationError(msg) from error
    try:
        return SendGridProvider(account, sender, now)
    except OSError as error:
        msg = f"SENDGRID_CA_FILE cannot be used: {error}"
        raise ConfigurationError(msg) from error


def sendgrid_signatures(
    settings: SendGridSettings, now: Callable[[], datetime]
) -> SendGridSignatures | None:
    """What recognises the webhook's posts; None where no key is set.

    Raises:
        ConfigurationError: Names the variable that is wrong.
    """
    if settings.sendgrid_webhook_public_key is None:
        return None
    try:
        keys = parse_public_keys(settings.sendgrid_webhook_public_key)
    except PublicKeyError as error:
        msg = f"SENDGRID_WEBHOOK_PUBLIC_KEY cannot be used: {error}"
        raise ConfigurationError(msg) from error
    return SendGridSignatures(keys, now)

"""What email-service reads from its environment."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from delivery.settings import WorkerSettings
from email_service.adapters.dkim_settings import DkimSettings
from email_service.adapters.sendgrid_settings import SendGridSettings
from email_service.adapters.smtp_settings import SmtpSettings

SENDGRID: Final = "sendgrid"
_PROVIDER: Final = re.compile(rf"smtp(?:-[a-z0-9]+)*|{SENDGRID}")


def parse_provider_names(text: str) -> tuple[str, ...]:
    """The providers in order of preference.

    Raises:
        ValueError: There is none, one is unknown, or one comes twice.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not _PROVIDER.fullmatch(name):
            msg = f"must list smtp, smtp-<name> or {SENDGRID}, separated by commas, not {name!r}"
            raise ValueError(msg)
    if len(set(names)) < len(names):
        msg = "must name each provider once"
        raise ValueError(msg)
    return names


def _check_provider_names(text: str) -> str:
    parse_provider_names(text)
    return text


class Settings(WorkerSettings, SmtpSettings, DkimSettings, SendGridSettings):
    """Settings of the email worker; those of the SMTP server that is called `smtp` among them."""

    port: int = 8003
    email_providers: Annotated[str, AfterValidator(_check_provider_names)] = Field(
        default="smtp", description="in order of preference: smtp-a,smtp-b,sendgrid"
    )
    mail_from: str = Field(description="address in From, without a name")
    mail_from_name: str = ""
    mail_reply_to: str | None = None
    mail_envelope_sender: str | None = Field(default=None, description="where bounces go")

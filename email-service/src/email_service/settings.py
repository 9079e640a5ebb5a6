"""What email-service reads from its environment."""

from pydantic import Field, SecretStr

from delivery.settings import WorkerSettings
from email_service.adapters.smtp_server import SmtpTls


class Settings(WorkerSettings):
    """Settings of the email worker."""

    port: int = 8003
    smtp_host: str
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
    mail_from: str = Field(description="address in From, without a name")
    mail_from_name: str = ""
    mail_reply_to: str | None = None
    mail_envelope_sender: str | None = Field(default=None, description="where bounces go")

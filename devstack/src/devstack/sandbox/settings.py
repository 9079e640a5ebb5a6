"""Settings of the sandbox: environment variables `SANDBOX_…` or flags (`--smtp-port 1025`)."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]

DEFAULT_SMTP_PORT: Final = 1025
DEFAULT_SMTP_B_PORT: Final = 1026


class SandboxSettings(BaseSettings):
    """Where the sandbox listens and whom it knows. Port 0 takes a free one."""

    model_config = SettingsConfigDict(
        env_prefix="SANDBOX_",
        cli_prog_name="python -m devstack.sandbox",
        cli_kebab_case=True,
        cli_hide_none_type=True,
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    http_port: Port = Field(8025, description="web page, APIs and plain FCM")
    https_port: Port = Field(8443, description="FCM and token endpoint with TLS and HTTP/2")
    smtp_port: Port = Field(DEFAULT_SMTP_PORT, description="the inbox")
    smtp_b_port: Port | None = Field(
        None,
        description="the inbox's second server; default 1026, or any free port if smtp_port is set",
    )
    data: Path = Field(Path(".devstack/sandbox"), description="folder for everything kept")
    sendgrid_api_key: str = Field(
        "SG.sandbox", min_length=1, description="key that clients of SendGrid's API must show"
    )
    fcm_project_id: str = Field("notification-sandbox", min_length=1, description="FCM project")
    client_email: str | None = Field(None, description="e-mail of the service account")
    public_key_file: Path | None = Field(
        None, description="PEM of the service account's public key; without it one is made"
    )
    token_uri: str | None = Field(
        None, description="address of /token as clients see it; default https://localhost:<port>"
    )
    https_names: list[str] = Field(
        ["localhost", "127.0.0.1", "sandbox"], description="names in the server certificate"
    )

    @property
    def second_smtp_port(self) -> int:
        """Where the second SMTP server listens: out of the way where the first one was moved."""
        if self.smtp_b_port is not None:
            return self.smtp_b_port
        return DEFAULT_SMTP_B_PORT if self.smtp_port == DEFAULT_SMTP_PORT else 0

    @property
    def account_email(self) -> str:
        """The service account's e-mail, in Google's form unless it was set."""
        return self.client_email or f"sandbox@{self.fcm_project_id}.iam.gserviceaccount.com"

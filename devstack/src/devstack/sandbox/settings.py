"""Settings of the sandbox: environment variables `SANDBOX_…` or flags (`--smtp-port 1025`)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]


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
    smtp_port: Port = Field(1025, description="the inbox")
    data: Path = Field(Path(".devstack/sandbox"), description="folder for everything kept")
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
    def account_email(self) -> str:
        """The service account's e-mail, in Google's form unless it was set."""
        return self.client_email or f"sandbox@{self.fcm_project_id}.iam.gserviceaccount.com"

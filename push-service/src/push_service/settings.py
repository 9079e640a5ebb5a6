"""What push-service reads from its environment."""

from pathlib import Path

from pydantic import Field

from delivery.settings import WorkerSettings


class Settings(WorkerSettings):
    """Settings of the push worker."""

    port: int = 8004
    fcm_service_account_file: Path = Field(description="key file from the Firebase console")
    fcm_base_url: str = "https://fcm.googleapis.com"
    fcm_ca_file: str | None = Field(
        default=None, description="certificates to trust instead of the system's"
    )

"""What push-service reads from its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from delivery.settings import WorkerSettings
from push_service.adapters.google_address import check_address


class Settings(WorkerSettings):
    """Settings of the push worker."""

    port: int = 8004
    fcm_service_account_file: Path = Field(description="key file from the Firebase console")
    fcm_base_url: Annotated[str, AfterValidator(check_address)] = "https://fcm.googleapis.com"
    fcm_ca_file: str | None = Field(
        default=None, description="certificates to trust instead of the system's"
    )

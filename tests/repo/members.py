"""The members of the repository, as the architecture tests see them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import api_gateway.settings
import email_service.settings
import push_service.settings
import template_service.settings
import user_service.settings
from servicekit.settings import ServiceSettings

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Service:
    """One of the five: its folder, its package and what it reads from its environment."""

    name: str
    settings: type[ServiceSettings]

    @property
    def folder(self) -> Path:
        return ROOT / self.name

    @property
    def package(self) -> str:
        return self.name.replace("-", "_")

    @property
    def has_database(self) -> bool:
        return "database_url" in self.settings.model_fields

    @property
    def port(self) -> int:
        return int(self.settings.model_fields["port"].default)


SERVICES: Final = (
    Service("api-gateway", api_gateway.settings.Settings),
    Service("user-service", user_service.settings.Settings),
    Service("template-service", template_service.settings.Settings),
    Service("email-service", email_service.settings.Settings),
    Service("push-service", push_service.settings.Settings),
)
LIBS: Final = ("contracts", "servicekit", "templating", "delivery")

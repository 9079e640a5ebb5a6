"""Who calls: scopes of applications, roles of people, and the record behind an API key."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Scope(StrEnum):
    """What an application may do."""

    NOTIFICATIONS_SEND = "notifications:send"
    NOTIFICATIONS_READ = "notifications:read"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ADMIN = "admin"
    """Everything that an administrator may do."""


class Role(StrEnum):
    """What a person may do: a user acts for themselves only, an admin on everything."""

    USER = "user"
    ADMIN = "admin"


class ApiKeyRecord(BaseModel):
    """An API key without the key: what it is allowed, and whether it still is."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "id": "0193f19f-0000-7000-8000-000000000002",
                "name": "shop",
                "version": 1,
                "scopes": ["notifications:send"],
                "is_active": True,
                "rate_limit_per_minute": 600,
                "expires_at": None,
            }
        },
    )

    id: UUID
    name: str
    version: int = Field(ge=1)
    scopes: frozenset[Scope]
    is_active: bool
    rate_limit_per_minute: int | None = Field(default=None, description="None: no limit.")
    expires_at: AwareDatetime | None = Field(default=None, description="None: it does not end.")

    def admits_at(self, now: datetime) -> bool:
        """Whether the key opens anything at this time."""
        return self.is_active and (self.expires_at is None or now < self.expires_at)

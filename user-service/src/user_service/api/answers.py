"""What answers say of users, keys and suppressions.

In the names that clients of either tradition expect.
"""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.access import Role, Scope
from contracts.notification import NotificationType
from contracts.preferences import ChannelPreferences
from contracts.suppression import SuppressionReason
from user_service.api.examples import API_KEY, NEW_API_KEY, SUPPRESSION, TOKEN, USER
from user_service.domain.api_key import ApiKey
from user_service.domain.suppression import Suppression
from user_service.domain.user import User
from user_service.usecases.create_api_key import CreatedApiKey
from user_service.usecases.sessions import SignedIn


class UserAnswer(BaseModel):
    """A user without their password's hash; `user_id` is the same as `id`."""

    model_config = ConfigDict(json_schema_extra={"example": USER})

    id: UUID
    user_id: UUID
    name: str
    email: str
    language: str
    timezone: str
    preferences: ChannelPreferences
    push_token: str | None
    is_active: bool
    role: Role
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        """From the domain."""
        return cls(
            id=user.id,
            user_id=user.id,
            name=user.name,
            email=user.email,
            language=user.language,
            timezone=user.timezone,
            preferences=user.channels,
            push_token=user.push_token,
            is_active=user.is_active,
            role=user.role,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )


class TokenAnswer(BaseModel):
    """A session's tokens; `access_token` is the same as `token`."""

    model_config = ConfigDict(json_schema_extra={"example": TOKEN})

    token: str
    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="Seconds.")
    refresh_token: str = Field(description="Good for one use, by `POST /auth/refresh`.")
    refresh_expires_in: int = Field(description="Seconds.")
    user_id: UUID
    role: Role

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        """From the domain."""
        return cls(
            token=signed_in.access.token,
            access_token=signed_in.access.token,
            expires_in=signed_in.access.expires_in,
            refresh_token=signed_in.refresh.token,
            refresh_expires_in=signed_in.refresh.expires_in,
            user_id=signed_in.user.id,
            role=signed_in.user.role,
        )


class ApiKeyAnswer(BaseModel):
    """A key without the key; `prefix` is how it begins."""

    model_config = ConfigDict(json_schema_extra={"example": API_KEY})

    id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    rate_limit_per_minute: int | None
    is_active: bool
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    previous_expires_at: datetime | None = Field(
        description="Until then the key from before the last rotation opens the same."
    )

    @classmethod
    def of(cls, api_key: ApiKey) -> Self:
        """From the domain."""
        return cls(
            id=api_key.id,
            name=api_key.name,
            prefix=api_key.prefix,
            scopes=sorted(api_key.scopes),
            rate_limit_per_minute=api_key.rate_limit_per_minute,
            is_active=api_key.is_active,
            created_by=api_key.created_by,
            created_at=api_key.created_at,
            last_used_at=api_key.last_used_at,
            expires_at=api_key.expires_at,
            previous_expires_at=api_key.previous_expires_at,
        )


class NewApiKeyAnswer(ApiKeyAnswer):
    """A key with the key, which is never shown again."""

    model_config = ConfigDict(json_schema_extra={"example": NEW_API_KEY})

    key: str


def new_api_key_answer(created: CreatedApiKey) -> NewApiKeyAnswer:
    """The answer that shows a key."""
    return NewApiKeyAnswer(**ApiKeyAnswer.of(created.api_key).model_dump(), key=created.key)


class SuppressionAnswer(BaseModel):
    """A suppressed address, of which only the digest is known."""

    model_config = ConfigDict(json_schema_extra={"example": SUPPRESSION})

    address_digest: str
    notification_type: NotificationType
    reason: SuppressionReason
    source: str = Field(description="Who found out: a provider's name, or a caller.")
    created_at: datetime
    expires_at: datetime | None = Field(description="Null: it stays until it is lifted.")

    @classmethod
    def of(cls, suppression: Suppression) -> Self:
        """From the domain."""
        return cls(
            address_digest=suppression.address_digest,
            notification_type=suppression.notification_type,
            reason=suppression.reason,
            source=suppression.source,
            created_at=suppression.created_at,
            expires_at=suppression.expires_at,
        )

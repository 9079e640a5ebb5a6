"""Bodies of requests: what is checked before anything else sees it."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from contracts.access import Scope
from contracts.suppression import SuppressionReason
from servicekit.text_types import NO_NUL, SECRET_TEXT, Language, Name
from user_service.domain.email_address import canonical_email
from user_service.domain.password import MAX_PASSWORD, MIN_PASSWORD
from user_service.domain.timezone import known_timezone

_MAX_RATE: Final = 1_000_000
_MAX_OVERLAP: Final = 30 * 24 * 3600


def _email(value: str) -> str:
    try:
        return canonical_email(value)
    except ValueError as error:
        raise PydanticCustomError("email", "{reason}", {"reason": str(error)}) from error


def _timezone(value: str) -> str:
    try:
        return known_timezone(value)
    except ValueError as error:
        raise PydanticCustomError(
            "timezone", "The time zone {reason}.", {"reason": str(error)}
        ) from error


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError("time", "The time is beyond the calendar's end.") from error


Email = Annotated[str, StringConstraints(max_length=320), NO_NUL, AfterValidator(_email)]
Timezone = Annotated[str, StringConstraints(max_length=100), AfterValidator(_timezone)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
PushToken = Annotated[str, StringConstraints(min_length=1, max_length=4_096), NO_NUL]
Password = Annotated[
    SecretStr,
    Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD),
    SECRET_TEXT,
]


class Body(BaseModel):
    """What all bodies have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PreferencesBody(Body):
    """Which channels the user wants."""

    email: StrictBool = True
    push: StrictBool = True


class CreateUserBody(Body):
    """A user who is to be; without a password they cannot sign in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "John Doe",
                    "email": "john@example.com",
                    "password": "correct horse",
                    "push_token": "device-token",
                    "preferences": {"email": True, "push": True},
                }
            ]
        }
    )

    name: Name
    email: Email
    password: Password | None = None
    push_token: PushToken | None = None
    preferences: PreferencesBody = PreferencesBody()
    language: Language = "en"
    timezone: Timezone = "UTC"


# A patch's defaults are never used: `model_fields_set` tells what the caller named. They are there
# so that a field may be left out and yet must not be null, and are made by functions so that the
# API's documentation does not show them.
def _no_secret() -> SecretStr:
    return SecretStr("")


class PatchPreferencesBody(Body):
    """Channels to turn on or off; one left out stays as it is."""

    email: StrictBool = Field(default_factory=bool)
    push: StrictBool = Field(default_factory=bool)


class PatchUserBody(Body):
    """What to change; `null` is a value for `push_token` alone, which it clears."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"preferences": {"push": False}, "language": "pt-BR"}]}
    )

    name: Name = Field(default_factory=str)
    email: Email = Field(default_factory=str)
    password: Password = Field(default_factory=_no_secret)
    push_token: PushToken | None = None
    preferences: PatchPreferencesBody = Field(default_factory=PatchPreferencesBody)
    language: Language = Field(default_factory=str)
    timezone: Timezone = Field(default_factory=str)
    is_active: StrictBool = Field(default_factory=bool)


class SignInBody(Body):
    """Credentials; what cannot be an address or a password is wrong rather than invalid."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "john@example.com", "password": "correct horse"}]}
    )

    email: Annotated[str, StringConstraints(max_length=320), NO_NUL]
    password: Annotated[SecretStr, Field(max_length=MAX_PASSWORD), SECRET_TEXT]


class RefreshTokenBody(Body):
    """A refresh token; what cannot be one is wrong rather than invalid."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": "nr_AZPxnwAA…"}]})

    refresh_token: Annotated[SecretStr, Field(max_length=200), SECRET_TEXT]


class ChangePasswordBody(Body):
    """The password that is to change, and the next one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"current_password": "correct horse", "new_password": "battery staple"}]
        }
    )

    current_password: Annotated[SecretStr, Field(max_length=MAX_PASSWORD), SECRET_TEXT]
    new_password: Password


class CreateApiKeyBody(Body):
    """A key for an application; without a rate its calls are not limited."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "shop", "scopes": ["notifications:send"], "rate_limit_per_minute": 600}
            ]
        }
    )

    name: Name
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    rate_limit_per_minute: Annotated[int, Field(strict=True, ge=1, le=_MAX_RATE)] | None = None
    expires_at: Moment | None = Field(default=None, description="Null: it does not end by itself.")


class RotateApiKeyBody(Body):
    """How long the present key is to go on beside the next one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 3600}]})

    overlap_seconds: Annotated[int, Field(strict=True, ge=0, le=_MAX_OVERLAP)] = 24 * 3600


class SuppressBody(Body):
    """An address that nothing more is to be sent to; without `expires_at` until it is lifted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "john@example.com", "reason": "manual"}]}
    )

    email: Email
    reason: SuppressionReason = SuppressionReason.MANUAL
    expires_at: Moment | None = None

"""Translates bodies into what the use cases take."""

from typing import Any

from user_service.api.schemas import CreateUserBody, PatchUserBody
from user_service.domain.user_changes import UserChanges
from user_service.usecases.create_user import NewUser

_SAME_NAME = frozenset({"name", "email", "push_token", "language", "timezone", "is_active"})


def new_user(body: CreateUserBody) -> NewUser:
    """The user who is to be."""
    return NewUser(
        name=body.name,
        email=body.email,
        password=body.password.get_secret_value() if body.password else None,
        push_token=body.push_token,
        email_enabled=body.preferences.email,
        push_enabled=body.preferences.push,
        language=body.language,
        timezone=body.timezone,
    )


def user_changes(body: PatchUserBody) -> UserChanges:
    """What the caller named, but for the password."""
    named: dict[str, Any] = {
        name: getattr(body, name) for name in body.model_fields_set & _SAME_NAME
    }
    for channel in body.preferences.model_fields_set:
        named[f"{channel}_enabled"] = getattr(body.preferences, channel)
    return UserChanges(**named)


def new_password(body: PatchUserBody) -> str | None:
    """The new password, if the caller named one."""
    return body.password.get_secret_value() if "password" in body.model_fields_set else None

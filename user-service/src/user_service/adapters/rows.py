"""Translates between rows and the domain."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from contracts.access import Role, Scope
from user_service.domain.api_key import ApiKey
from user_service.domain.user import User


def user_of(row: RowMapping) -> User:
    """A row of `users`."""
    return User(**{**row, "role": Role(row["role"])})


def user_values(user: User) -> dict[str, Any]:
    """The columns of `users`."""
    return {**asdict(user), "role": user.role.value}


def api_key_of(row: RowMapping) -> ApiKey:
    """A row of `api_keys`."""
    return ApiKey(**{**row, "scopes": frozenset(Scope(scope) for scope in row["scopes"])})


def api_key_values(api_key: ApiKey) -> dict[str, Any]:
    """The columns of `api_keys`."""
    return {**asdict(api_key), "scopes": sorted(scope.value for scope in api_key.scopes)}

"""Translates between rows and the domain."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from contracts.access import Role, Scope
from contracts.notification import NotificationType
from contracts.preferences import ChannelChoice, QuietHours
from contracts.suppression import SuppressionReason
from user_service.domain.api_key import ApiKey
from user_service.domain.suppression import Suppression
from user_service.domain.user import User


def user_of(row: RowMapping) -> User:
    """A row of `suppressed_users.select_users`."""
    suppressed = row["email_suppressed"]
    return User(
        **{
            **row,
            "role": Role(row["role"]),
            "category_choices": {
                code: ChannelChoice.model_validate(choice)
                for code, choice in row["category_choices"].items()
            },
            "quiet_hours": None
            if row["quiet_hours"] is None
            else QuietHours.model_validate(row["quiet_hours"]),
            "email_suppressed": None if suppressed is None else SuppressionReason(suppressed),
        }
    )


def user_values(user: User, email_digest: str) -> dict[str, Any]:
    """The columns of `users`; whether the address is suppressed is not among them."""
    values = {
        **asdict(user),
        "role": user.role.value,
        "email_digest": email_digest,
        "category_choices": {
            code: choice.model_dump(exclude_none=True)
            for code, choice in user.category_choices.items()
        },
        "quiet_hours": None if user.quiet_hours is None else user.quiet_hours.model_dump(),
    }
    del values["email_suppressed"]
    return values


def api_key_of(row: RowMapping) -> ApiKey:
    """A row of `api_keys`."""
    return ApiKey(**{**row, "scopes": frozenset(Scope(scope) for scope in row["scopes"])})


def api_key_values(api_key: ApiKey) -> dict[str, Any]:
    """The columns of `api_keys`."""
    return {**asdict(api_key), "scopes": sorted(scope.value for scope in api_key.scopes)}


def suppression_of_row(row: RowMapping) -> Suppression:
    """A row of `suppressions`."""
    return Suppression(
        **{
            **row,
            "notification_type": NotificationType(row["notification_type"]),
            "reason": SuppressionReason(row["reason"]),
        }
    )


def suppression_values(suppression: Suppression) -> dict[str, Any]:
    """The columns of `suppressions`."""
    return {
        **asdict(suppression),
        "notification_type": suppression.notification_type.value,
        "reason": suppression.reason.value,
    }

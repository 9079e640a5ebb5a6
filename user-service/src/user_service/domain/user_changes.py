"""Changes to a user: what is named is set, what is not named stays as it is."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from contracts.preferences import QuietHours
from user_service.domain.user import CategoryChoices, User


class Unset(Enum):
    """Stands for a field that is not named; None is a value of its own."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET

ChangeChoices = Callable[[CategoryChoices], CategoryChoices]
"""What a user's choices become."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanges:
    """New values by field of `User`. Role and id are not among them, so nobody can set them."""

    name: str | Unset = UNSET
    email: str | Unset = UNSET
    password_hash: str | Unset = field(default=UNSET, repr=False)
    push_token: str | Unset | None = field(default=UNSET, repr=False)
    email_enabled: bool | Unset = UNSET
    push_enabled: bool | Unset = UNSET
    language: str | Unset = UNSET
    timezone: str | Unset = UNSET
    is_active: bool | Unset = UNSET
    category_choices: ChangeChoices | Unset = UNSET
    quiet_hours: QuietHours | Unset | None = UNSET

    def apply_to(self, user: User, now: datetime) -> User:
        """The changed user in its next row version; the same user where nothing is new."""
        named = self._named()
        if self.category_choices is not UNSET:
            named["category_choices"] = self.category_choices(user.category_choices)
        new = {name: value for name, value in named.items() if getattr(user, name) != value}
        if not new:
            return user
        return replace(user, **new, row_version=user.row_version + 1, updated_at=now)

    def _named(self) -> dict[str, Any]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not UNSET}

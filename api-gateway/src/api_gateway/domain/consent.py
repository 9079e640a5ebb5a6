"""What a user has against being sent something: the error code that says so."""

from typing import Final

from contracts.category import CategoryCatalogue
from contracts.consent import Stance, stance
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationType
from contracts.user_snapshot import UserSnapshot

_CODES: Final = {
    Stance.WANTED: None,
    Stance.CHANNEL_OFF: ErrorCode.NOTIFICATION_PREFERENCE_DISABLED,
    Stance.OPTED_OUT: ErrorCode.CATEGORY_OPTED_OUT,
}


def objection(
    user: UserSnapshot, channel: NotificationType, category: str, catalogue: CategoryCatalogue
) -> ErrorCode | None:
    """What the user has against it; None: nothing.

    Args:
        user: The recipient.
        channel: What carries it.
        category: The template's.
        catalogue: What categories there are.
    """
    choice = user.categories.get(category)
    return _CODES[stance(user.preferences, choice, catalogue.of(category).default, channel)]

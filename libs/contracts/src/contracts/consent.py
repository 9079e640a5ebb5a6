"""Whether a user wants something: one rule, for the gateway that obeys it and for who shows it."""

from enum import StrEnum

from contracts.category import CategoryDefault
from contracts.notification import NotificationType
from contracts.preferences import ChannelChoice, ChannelPreferences


class Stance(StrEnum):
    """What a user says to one category on one channel."""

    WANTED = "wanted"
    CHANNEL_OFF = "channel_off"
    OPTED_OUT = "opted_out"


def stance(
    preferences: ChannelPreferences,
    choice: ChannelChoice | None,
    default: CategoryDefault,
    channel: NotificationType,
) -> Stance:
    """Decide it.

    What is required is wanted whatever they chose, also where they chose before it was. Who wants
    nothing on a channel gets nothing on it, whatever they chose for single categories.

    Args:
        preferences: The channels that they want at all.
        choice: What they chose for the category, if anything.
        default: What counts where they chose nothing.
        channel: What carries it.
    """
    if default is CategoryDefault.REQUIRED:
        return Stance.WANTED
    wants_channel = preferences.email if channel is NotificationType.EMAIL else preferences.push
    if not wants_channel:
        return Stance.CHANNEL_OFF
    chosen = None if choice is None else choice.on(channel)
    wants_category = default is CategoryDefault.OPTED_IN if chosen is None else chosen
    return Stance.WANTED if wants_category else Stance.OPTED_OUT

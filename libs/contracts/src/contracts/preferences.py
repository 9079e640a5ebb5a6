"""What a user wants to be told, where, and when not."""

import re
from datetime import time
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from contracts.notification import NotificationType

_PATTERN: Final = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_TIME: Final = re.compile(_PATTERN)


def _to_minutes(value: Any) -> Any:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and (parts := _TIME.fullmatch(value)):
        return time(int(parts[1]), int(parts[2]))
    raise PydanticCustomError("time_of_day", "A time of day is written as HH:MM, 00:00 to 23:59.")


TimeOfDay = Annotated[
    time,
    BeforeValidator(_to_minutes),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_PATTERN}$"}),
]
"""A wall clock's time, in minutes."""


class ChannelPreferences(BaseModel):
    """Which channels the user wants at all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: bool = True
    push: bool = True


class ChannelChoice(BaseModel):
    """What a user has chosen for one category; null: nothing, so that its default counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: bool | None = None
    push: bool | None = None

    def on(self, channel: NotificationType) -> bool | None:
        """What they have chosen for a channel."""
        return self.email if channel is NotificationType.EMAIL else self.push


class QuietHours(BaseModel):
    """When nothing is sent but what is urgent: from `start` until `end`, perhaps past midnight.

    Attributes:
        timezone: Of the IANA database; null: the user's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: TimeOfDay
    end: TimeOfDay
    timezone: str | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def _have_an_end(self) -> "QuietHours":
        if self.start == self.end:
            raise PydanticCustomError("quiet_hours", "Quiet hours must begin and end at two times.")
        return self

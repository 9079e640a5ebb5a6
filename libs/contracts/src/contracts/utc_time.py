"""Times in requests: RFC 3339 with an offset, kept as UTC."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

_DATE_FIRST: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _only_text(value: Any) -> Any:
    """Else pydantic takes a number for seconds since 1970, and a mistake for a time long ago."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE_FIRST.match(value)):
        return value
    raise PydanticCustomError("time_text", "A time is text such as 2026-12-01T12:00:00Z.")


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise PydanticCustomError(
            "time_range", "The time lies outside the years 1 to 9999 in UTC."
        ) from error


UtcTime = Annotated[AwareDatetime, BeforeValidator(_only_text), AfterValidator(_to_utc)]
"""Text in requests, such as `2026-12-01T12:00:00Z`; without an offset it is refused."""

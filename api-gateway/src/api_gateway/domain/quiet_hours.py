"""When a user's quiet hours end, on their own clock."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.preferences import QuietHours


def quiet_until(hours: QuietHours, timezone: str, now: datetime) -> datetime | None:
    """When it may be sent again; None: it may be sent now.

    Args:
        hours: From when until when, on a wall clock.
        timezone: The clock's, where the hours do not name one. One that this machine does not
            know is taken for UTC.
        now: The time, in UTC.
    """
    zone = _zone(hours.timezone or timezone)
    local = now.astimezone(zone)
    clock = local.time()
    is_past_start, is_before_end = clock >= hours.start, clock < hours.end
    over_midnight = hours.start > hours.end
    if not (
        (is_past_start or is_before_end) if over_midnight else (is_past_start and is_before_end)
    ):
        return None
    day = local.date() if is_before_end else local.date() + timedelta(days=1)
    end = datetime.combine(day, hours.end, zone)
    if end.astimezone(UTC) <= now:  # the hour that comes twice in autumn, for the second time
        end = end.replace(fold=1)
    return end.astimezone(UTC)


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")

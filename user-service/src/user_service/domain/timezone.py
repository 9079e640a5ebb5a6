"""Names of time zones, as the IANA database has them."""

from functools import cache
from zoneinfo import available_timezones


def known_timezone(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: The IANA database has no zone of this name.
    """
    if name not in _names():
        msg = "must be a name of the IANA time zone database, such as UTC or Europe/Berlin"
        raise ValueError(msg)
    return name


@cache  # the first call walks the database's folder
def _names() -> frozenset[str]:
    # not zones but settings of the machine that the database lies on
    return frozenset(available_timezones() - {"localtime", "Factory"})

"""`start` and `limit` of a list, as in Mailpit: 0 and 50 by default."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
LONGEST_PAGE = 1000


class BadPageError(ValueError):
    """`start` or `limit` is not a number that makes sense; the message names which."""


@dataclass(frozen=True, slots=True)
class Page:
    """A window on a list."""

    start: int
    limit: int

    def of(self, items: list[Item]) -> list[Item]:
        """The items inside the window."""
        return items[self.start : self.start + self.limit]


def read_page(parameters: Mapping[str, str]) -> Page:
    """Read the window from query parameters; raises BadPageError."""
    return Page(
        start=read_number(parameters, "start", default=0),
        limit=min(read_number(parameters, "limit", default=50), LONGEST_PAGE),
    )


def read_number(parameters: Mapping[str, str], name: str, *, default: int) -> int:
    """A whole number from 0 upwards; raises BadPageError."""
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise BadPageError(f"{name} must be a whole number from 0 upwards, not {text!r}")
    return int(text)

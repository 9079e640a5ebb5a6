"""The months by which the history is stored and dropped; all in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from api_gateway.domain.identifiers import first_id_of

MONTHS_AHEAD: Final = 2


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; `number` is from 1 to 12."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}_{self.number:02}"

    @classmethod
    def of(cls, time: datetime) -> "Month":
        """The month of a time with an offset."""
        utc = time.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def begin(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def first_id(self) -> UUID:
        """The smallest id of a notification that can have been made in it."""
        return first_id_of(self.begin)

    @property
    def following(self) -> "Month":
        """The next one."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)


def months_needed(now: datetime) -> list[Month]:
    """The months that notifications of now and soon go into: this one, and those ahead."""
    months = [Month.of(now)]
    for _ in range(MONTHS_AHEAD):
        months.append(months[-1].following)
    return months

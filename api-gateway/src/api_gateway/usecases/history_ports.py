"""What keeping the history small needs of the database, as roles; `adapters/` fills them."""

from typing import Protocol

from api_gateway.domain.month import Month


class DueErasures(Protocol):
    """Variables that nobody may send again."""

    async def erase_notifications(self, limit: int) -> int:
        """Erase those of the notifications that are due longest; returns of how many.

        Raises:
            DatabaseUnavailableError: None were erased, as far as can be known.
        """
        ...

    async def erase_dead_letters(self, limit: int) -> int:
        """Erase what dead letters say that are too old to be replayed; returns of how many.

        Raises:
            DatabaseUnavailableError: None were erased, as far as can be known.
        """
        ...


class MonthBusyError(Exception):
    """Somebody uses the history so long, or so exclusively, that waiting would block accepting."""


class TooManyUnfinishedError(Exception):
    """A month holds more unfinished notifications than can be moved while everybody waits."""


class HistoryMonths(Protocol):
    """The months of the history, each of which can be dropped at once."""

    async def stored(self) -> set[Month]:
        """Those that exist."""
        ...

    async def create(self, month: Month) -> bool:
        """Make a month, and move into it what was stored for it before it was there.

        Returns:
            False: another relay is at it, or has done it.

        Raises:
            MonthBusyError: Nothing was done.
        """
        ...

    async def drop(self, month: Month) -> int | None:
        """Drop a month, and keep what is unfinished in it.

        Returns:
            How many notifications are kept; None: another relay is at it, or has done it.

        Raises:
            MonthBusyError: Nothing was done.
            TooManyUnfinishedError: Nothing was done; see `delete_finished`.
        """
        ...

    async def delete_finished(self, month: Month | None, before: Month, limit: int) -> int:
        """Delete the oldest finished notifications that were stored before a month.

        Args:
            month: Out of this one; None: out of what belongs to no month that exists.
            before: They are older than this one.
            limit: How many at most.

        Returns:
            How many it were.
        """
        ...

    async def delete_batches(self, before: Month, limit: int) -> int:
        """Delete the oldest batches that were stored before a month; returns how many it were."""
        ...

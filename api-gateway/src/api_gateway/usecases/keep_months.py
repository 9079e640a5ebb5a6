"""Make the months that the history will need, and drop those that are too old.

What is unfinished is never dropped, however old it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from api_gateway.domain.month import Month, months_needed
from api_gateway.usecases.history_ports import (
    HistoryMonths,
    MonthBusyError,
    TooManyUnfinishedError,
)

BATCH: Final = 1_000
_BATCHES: Final = 100
"""In one round: the relay has other things to do with the database."""


@dataclass
class MonthsKept:
    """What one round did.

    Attributes:
        created: Months that are there now.
        dropped: By month, how many unfinished notifications were kept of it.
        deleted: Finished notifications that were deleted one by one: what was kept of a dropped
            month and has ended since, and those of months with too much that is unfinished.
        batches: Batches that were deleted.
        busy: Months that could not be made or dropped now.
    """

    created: list[Month] = field(default_factory=list)
    dropped: dict[Month, int] = field(default_factory=dict)
    deleted: int = 0
    batches: int = 0
    busy: list[Month] = field(default_factory=list)


class KeepMonths:
    """Does one round; any number of relays may.

    Args:
        months: The history's.
        retention: How long a month is kept after its end; None: for ever.
        now: The time, in UTC.
    """

    def __init__(
        self, months: HistoryMonths, *, retention: timedelta | None, now: Callable[[], datetime]
    ) -> None:
        self._months = months
        self._retention = retention
        self._now = now

    async def __call__(self) -> MonthsKept:
        """Make what is missing, and drop what is too old."""
        now, kept = self._now(), MonthsKept()
        stored = await self._months.stored()
        for month in months_needed(now):
            if month not in stored:
                await self._create(month, kept)
        if self._retention is not None:
            # The month in which the retention begins is not over by then.
            oldest = Month.of(now - self._retention)
            for month in sorted(month for month in stored if month < oldest):
                await self._drop(month, oldest, kept)
            kept.deleted += await self._delete_finished(None, oldest)
            for _ in range(_BATCHES):
                batches = await self._months.delete_batches(oldest, BATCH)
                kept.batches += batches
                if batches < BATCH:
                    break
        return kept

    async def _create(self, month: Month, kept: MonthsKept) -> None:
        try:
            if await self._months.create(month):
                kept.created.append(month)
        except MonthBusyError:
            kept.busy.append(month)

    async def _drop(self, month: Month, oldest: Month, kept: MonthsKept) -> None:
        try:
            unfinished = await self._months.drop(month)
        except MonthBusyError:
            kept.busy.append(month)
        except TooManyUnfinishedError:
            kept.deleted += await self._delete_finished(month, oldest)
        else:
            if unfinished is not None:
                kept.dropped[month] = unfinished

    async def _delete_finished(self, month: Month | None, before: Month) -> int:
        total = 0
        for _ in range(_BATCHES):
            deleted = await self._months.delete_finished(month, before, BATCH)
            total += deleted
            if deleted < BATCH:
                break
        return total

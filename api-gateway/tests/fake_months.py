"""The history's months in memory: which notifications are in which, and how they stand."""

from uuid import UUID

from api_gateway.domain.month import Month
from api_gateway.usecases.history_ports import MonthBusyError, TooManyUnfinishedError


class FakeMonths:
    """By month, and None for none, the notifications there; True: it is finished."""

    def __init__(self, *stored: Month, most_moved: int = 3) -> None:
        self.rows: dict[Month | None, dict[UUID, bool]] = {
            None: {},
            **{month: {} for month in stored},
        }
        self.batches: list[Month] = []
        self.busy: set[Month] = set()
        self._most_moved = most_moved

    async def stored(self) -> set[Month]:
        return {month for month in self.rows if month is not None}

    async def create(self, month: Month) -> bool:
        if month in self.busy:
            raise MonthBusyError
        if month in self.rows:
            return False
        begin, end = month.first_id, month.following.first_id
        here = {key: done for key, done in self.rows[None].items() if begin <= key < end}
        self.rows[month] = here
        self.rows[None] = {key: one for key, one in self.rows[None].items() if key not in here}
        return True

    async def drop(self, month: Month) -> int | None:
        if month in self.busy:
            raise MonthBusyError
        if month not in self.rows:
            return None
        kept = {key: done for key, done in self.rows[month].items() if not done}
        if len(kept) > self._most_moved:
            raise TooManyUnfinishedError
        del self.rows[month]
        self.rows[None] |= kept
        return len(kept)

    async def delete_finished(self, month: Month | None, before: Month, limit: int) -> int:
        rows = self.rows[month]
        old = [key for key, done in sorted(rows.items()) if done and key < before.first_id][:limit]
        for key in old:
            del rows[key]
        return len(old)

    async def delete_batches(self, before: Month, limit: int) -> int:
        old = [month for month in sorted(self.batches) if month < before][:limit]
        for month in old:
            self.batches.remove(month)
        return len(old)

"""How every `HistoryMonths` behaves; inherited by the tests of the fake and of PostgreSQL."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from api_gateway.domain.month import Month
from api_gateway.usecases.history_ports import HistoryMonths, TooManyUnfinishedError

MAY, JUNE, JULY = (Month(2025, number) for number in (5, 6, 7))


def an_id_of(month: Month) -> UUID:
    return UUID(int=month.first_id.int + (5 << 80) | 0x7 << 76 | uuid4().int >> 64)


@dataclass(frozen=True)
class Calendar:
    """Months, of which those of 2025 are nobody else's.

    Attributes:
        put: Stores a notification; finished or not.
        months_of: Where notifications are: None in it stands for no month.
        put_batch: Stores a batch.
        most_moved: How many unfinished ones can be kept of a month that is dropped.
    """

    months: HistoryMonths
    put: Callable[[UUID, bool], Awaitable[None]]
    place_of: Callable[[UUID], Awaitable[Month | str | None]]
    put_batch: Callable[[Month], Awaitable[None]]
    most_moved: int

    async def stored_in(self, month: Month, *, finished: bool) -> UUID:
        key = an_id_of(month)
        await self.put(key, finished)
        return key


class MonthsSuite:
    @pytest.fixture
    def calendar(self) -> Calendar:
        raise NotImplementedError

    async def test_a_month_takes_over_what_was_stored_for_it_before(
        self, calendar: Calendar
    ) -> None:
        keys = [await calendar.stored_in(month, finished=True) for month in (MAY, JUNE, JULY)]
        assert [await calendar.place_of(key) for key in keys] == ["no month"] * 3
        assert await calendar.months.create(JUNE)
        assert not await calendar.months.create(JUNE)
        assert JUNE in await calendar.months.stored()
        places = [await calendar.place_of(key) for key in keys]
        assert places == ["no month", JUNE, "no month"]
        assert await calendar.place_of(await calendar.stored_in(JUNE, finished=True)) == JUNE

    async def test_a_month_goes_and_leaves_what_is_unfinished(self, calendar: Calendar) -> None:
        for month in (MAY, JUNE):
            await calendar.months.create(month)
        gone, kept, later = [
            await calendar.stored_in(month, finished=finished)
            for month, finished in ((MAY, True), (MAY, False), (JUNE, True))
        ]
        assert await calendar.months.drop(MAY) == 1
        assert await calendar.months.drop(MAY) is None
        assert MAY not in await calendar.months.stored()
        assert [await calendar.place_of(key) for key in (gone, kept, later)] == [
            None,
            "no month",
            JUNE,
        ]

    async def test_a_month_with_too_much_that_is_unfinished_is_emptied_of_the_rest(
        self, calendar: Calendar
    ) -> None:
        await calendar.months.create(MAY)
        finished = [await calendar.stored_in(MAY, finished=True) for _ in range(3)]
        kept = [
            await calendar.stored_in(MAY, finished=False) for _ in range(calendar.most_moved + 1)
        ]
        with pytest.raises(TooManyUnfinishedError):
            await calendar.months.drop(MAY)
        assert await calendar.months.delete_finished(MAY, JUNE, 2) == 2
        assert await calendar.months.delete_finished(MAY, JUNE, 2) == 1
        assert {await calendar.place_of(key) for key in finished} == {None}
        assert {await calendar.place_of(key) for key in kept} == {MAY}

    async def test_what_belongs_to_no_month_goes_when_it_is_finished_and_old(
        self, calendar: Calendar
    ) -> None:
        old, new, unfinished = [
            await calendar.stored_in(month, finished=finished)
            for month, finished in ((MAY, True), (JUNE, True), (MAY, False))
        ]
        assert await calendar.months.delete_finished(None, JUNE, 100) >= 1
        assert [await calendar.place_of(key) for key in (old, new, unfinished)] == [
            None,
            "no month",
            "no month",
        ]

    async def test_old_batches_go(self, calendar: Calendar) -> None:
        for month in (MAY, JUNE):
            await calendar.put_batch(month)
        assert await calendar.months.delete_batches(JUNE, 100) == 1
        assert await calendar.months.delete_batches(JUNE, 100) == 0
        assert await calendar.months.delete_batches(JULY, 100) == 1

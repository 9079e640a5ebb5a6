"""Which months are made, and which are dropped."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from fake_months import FakeMonths
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.month import Month, months_needed
from api_gateway.usecases.keep_months import BATCH, KeepMonths, MonthsKept

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (Month(2026, number) for number in (9, 10, 11, 12))
JANUARY = Month(2027, 1)


async def kept(months: FakeMonths, *, days: int | None = None, now: datetime = NOW) -> MonthsKept:
    retention = None if days is None else timedelta(days=days)
    return await KeepMonths(months, retention=retention, now=lambda: now)()


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda time: time.year < 9999))
def test_a_month_holds_its_times_and_the_next_one_follows_at_once(time: datetime) -> None:
    month = Month.of(time)
    assert month.begin <= time < month.following.begin
    assert month < month.following
    assert Month.of(month.following.begin - timedelta(microseconds=1)) == month


def test_a_month_is_told_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert Month.of(datetime(2026, 12, 1, 1, 0, tzinfo=east)) == NOVEMBER
    assert str(NOVEMBER) == "2026_11"


def test_this_month_and_two_ahead_are_needed() -> None:
    assert months_needed(NOW) == [NOVEMBER, DECEMBER, JANUARY]


async def test_makes_what_is_missing_and_nothing_twice() -> None:
    months = FakeMonths(NOVEMBER)
    assert (await kept(months)).created == [DECEMBER, JANUARY]
    assert await kept(months) == MonthsKept()


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        (datetime(2026, 10, 30, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 10, 31, 0, 0, tzinfo=UTC), True),
    ],
)
async def test_a_month_goes_when_its_last_moment_is_old_enough(now: datetime, gone: bool) -> None:
    months = FakeMonths(SEPTEMBER)
    done = await kept(months, days=30, now=now)
    assert done.dropped == ({SEPTEMBER: 0} if gone else {})
    assert (SEPTEMBER not in months.rows) is gone


async def test_for_ever_is_for_ever() -> None:
    months = FakeMonths(Month(2001, 1))
    key = Month(2000, 1).first_id
    months.rows[None][key] = True
    months.batches = [Month(2000, 1)]
    await kept(months, days=None)
    assert Month(2001, 1) in months.rows
    assert (months.rows[None], months.batches) == ({key: True}, [Month(2000, 1)])


async def test_tells_how_many_unfinished_ones_it_kept_and_deletes_them_once_they_have_ended() -> (
    None
):
    months = FakeMonths(SEPTEMBER)
    key = SEPTEMBER.first_id
    months.rows[SEPTEMBER] = {key: False, uuid4(): True}
    assert (await kept(months, days=1)).dropped == {SEPTEMBER: 1}
    assert (await kept(months, days=1)).deleted == 0
    months.rows[None][key] = True
    assert (await kept(months, days=1)).deleted == 1
    assert months.rows[None] == {}


async def test_a_month_with_too_much_that_is_unfinished_is_emptied_in_any_number_of_steps() -> None:
    months = FakeMonths(SEPTEMBER)
    ids = iter(range(SEPTEMBER.first_id.int, SEPTEMBER.first_id.int + 2 * BATCH + 10))
    months.rows[SEPTEMBER] = {UUID(int=key): at >= 5 for at, key in enumerate(ids)}
    done = await kept(months, days=1)
    assert (done.deleted, done.dropped) == (2 * BATCH + 5, {})
    assert len(months.rows[SEPTEMBER]) == 5


async def test_one_busy_month_does_not_keep_the_others() -> None:
    months = FakeMonths(SEPTEMBER, OCTOBER)
    months.busy = {SEPTEMBER, DECEMBER}
    done = await kept(months, days=1)
    assert done.busy == [DECEMBER, SEPTEMBER]
    assert (done.created, done.dropped) == ([NOVEMBER, JANUARY], {OCTOBER: 0})


async def test_old_batches_go_in_any_number_of_steps() -> None:
    months = FakeMonths()
    months.batches = [SEPTEMBER] * (BATCH + 1) + [NOVEMBER]
    assert (await kept(months, days=30)).batches == BATCH + 1
    assert months.batches == [NOVEMBER]

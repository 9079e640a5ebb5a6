from uuid import UUID

import pytest
from fake_months import FakeMonths
from months_suite import Calendar, MonthsSuite

from api_gateway.domain.month import Month


class TestFakeMonths(MonthsSuite):
    @pytest.fixture
    def calendar(self) -> Calendar:
        months = FakeMonths()

        async def put(key: UUID, finished: bool) -> None:
            month = next(
                (
                    one
                    for one in await months.stored()
                    if one.first_id <= key < one.following.first_id
                ),
                None,
            )
            months.rows[month][key] = finished

        async def place_of(key: UUID) -> Month | str | None:
            for month, rows in months.rows.items():
                if key in rows:
                    return month or "no month"
            return None

        async def put_batch(month: Month) -> None:
            months.batches.append(month)

        return Calendar(months, put, place_of, put_batch, 3)

"""The relay's loops that keep the history small: what they tell, and that they go on."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from fake_months import FakeMonths
from structlog.testing import capture_logs

from api_gateway.consumers.month_keeper import MonthKeeper
from api_gateway.consumers.variable_eraser import VariableEraser
from api_gateway.domain.month import Month
from api_gateway.usecases.erase_variables import LETTERS, NOTIFICATIONS, EraseVariables
from api_gateway.usecases.keep_months import KeepMonths
from servicekit.errors import UnavailableError
from servicekit.metrics import Metrics

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AUGUST, SEPTEMBER = Month(2026, 8), Month(2026, 9)


class FakeDueErasures:
    """So many are due; `error` is raised instead."""

    def __init__(self, notifications: int, letters: int) -> None:
        self.notifications, self.letters = notifications, letters
        self.error: Exception | None = None

    async def erase_notifications(self, limit: int) -> int:
        if self.error is not None:
            raise self.error
        erased = min(limit, self.notifications)
        self.notifications -= erased
        return erased

    async def erase_dead_letters(self, limit: int) -> int:
        erased = min(limit, self.letters)
        self.letters -= erased
        return erased


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


async def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("it never came about")


async def test_all_that_is_due_is_erased_and_told_and_an_error_ends_nothing() -> None:
    due = FakeDueErasures(2 * NOTIFICATIONS + 1, LETTERS + 1)
    due.error = UnavailableError("away")
    eraser = VariableEraser(EraseVariables(due), sleep=no_pause)
    with capture_logs() as lines:
        eraser.start()
        await eventually(lambda: len(lines) > 1)
        due.error = None
        await eventually(lambda: lines[-1]["event"] == "variables.erased")
        await eraser.check()
        await eraser.stop()
    assert [line["event"] for line in lines][:2] == ["variables.not_erased"] * 2
    told = lines[-1]
    assert (told["notifications"], told["dead_letters"]) == (2 * NOTIFICATIONS + 1, LETTERS + 1)
    assert (due.notifications, due.letters) == (0, 0)


async def test_what_was_dropped_is_told_in_the_log_and_in_figures() -> None:
    months, metrics = FakeMonths(AUGUST, SEPTEMBER), Metrics()
    months.busy = {AUGUST}
    months.rows[SEPTEMBER] = {SEPTEMBER.first_id: False}
    months.rows[None] = {AUGUST.first_id: True}
    months.batches = [AUGUST]
    keep = KeepMonths(months, retention=timedelta(days=1), now=lambda: NOW)
    keeper = MonthKeeper(keep, metrics, sleep=no_pause)
    with capture_logs() as lines:
        keeper.start()
        await eventually(lambda: len(lines) >= 6)
        await keeper.stop()
    told = [{key: value for key, value in line.items() if key != "log_level"} for line in lines[:6]]
    assert told == [
        {"event": "month.created", "month": "2026_11"},
        {"event": "month.created", "month": "2026_12"},
        {"event": "month.created", "month": "2027_01"},
        {"event": "month.dropped", "month": "2026_09", "kept_unfinished": 1},
        {"event": "history.deleted", "notifications": 1, "batches": 1},
        {"event": "month.busy", "month": "2026_08"},
    ]
    figures = bytes(metrics.render().body).decode()
    assert "history_months_dropped_total 1.0" in figures
    assert "history_notifications_deleted_total 1.0" in figures

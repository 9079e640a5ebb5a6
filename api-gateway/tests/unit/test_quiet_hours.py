"""When quiet hours end, also where a clock is put forward or back, and what they hold back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some
from samples import NOW, request, template, user

from api_gateway.domain.admission import Admitted, Deferred, WaitReason, decide_admission
from api_gateway.domain.quiet_hours import quiet_until
from contracts.category import BUILT_IN, Category, CategoryCatalogue, CategoryDefault
from contracts.preferences import QuietHours

NIGHT = QuietHours.model_validate({"start": "22:00", "end": "07:00"})
START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = QuietHours.model_validate({"start": "11:00", "end": "14:30"})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "timezone", "now", "until"),
    [
        (NOON, "UTC", "2026-11-20 10:59:59", None),
        (NOON, "UTC", "2026-11-20 11:00", "2026-11-20 14:30"),
        (NOON, "UTC", "2026-11-20 14:29:59", "2026-11-20 14:30"),
        (NOON, "UTC", "2026-11-20 14:30", None),
        (NIGHT, "UTC", "2026-11-20 21:59", None),
        (NIGHT, "UTC", "2026-11-20 22:00", "2026-11-21 07:00"),
        (NIGHT, "UTC", "2026-11-21 00:00", "2026-11-21 07:00"),
        (NIGHT, "UTC", "2026-11-21 06:59", "2026-11-21 07:00"),
        (NIGHT, "UTC", "2026-11-21 07:00", None),
        (NIGHT, "UTC", "2026-12-31 23:00", "2027-01-01 07:00"),
        (NIGHT, "America/New_York", "2026-11-21 04:00", "2026-11-21 12:00"),
        (NIGHT, "Asia/Kolkata", "2026-11-20 16:30", "2026-11-21 01:30"),
        (NIGHT, "Asia/Kolkata", "2026-11-20 16:29", None),
        # In Berlin 02:00 became 03:00 on 29 March 2026, and 03:00 became 02:00 on 25 October.
        (NIGHT, "Europe/Berlin", "2026-03-28 22:30", "2026-03-29 05:00"),
        (NIGHT, "Europe/Berlin", "2026-10-24 22:30", "2026-10-25 06:00"),
        (
            QuietHours.model_validate({"start": "22:00", "end": "02:30"}),
            *("Europe/Berlin", "2026-03-28 23:00", "2026-03-29 01:30"),
        ),
        (
            QuietHours.model_validate({"start": "22:00", "end": "02:30"}),
            *("Europe/Berlin", "2026-10-24 23:00", "2026-10-25 00:30"),
        ),
        (
            QuietHours.model_validate({"start": "22:00", "end": "02:30"}),
            *("Europe/Berlin", "2026-10-25 01:10", "2026-10-25 01:30"),
        ),
        (
            QuietHours.model_validate({"start": "22:00", "end": "07:00", "timezone": "Asia/Tokyo"}),
            *("Europe/Berlin", "2026-11-20 14:00", "2026-11-20 22:00"),
        ),
        (
            QuietHours.model_validate({"start": "22:00", "end": "00:00"}),
            *("UTC", "2026-11-20 23:00", "2026-11-21 00:00"),
        ),
        (NOON, "Mars/Olympus_Mons", "2026-11-20 12:00", "2026-11-20 14:30"),
        (NOON, "../etc/passwd", "2026-11-20 12:00", "2026-11-20 14:30"),
    ],
)
def test_they_end_on_the_users_own_clock(
    hours: QuietHours, timezone: str, now: str, until: str | None
) -> None:
    assert quiet_until(hours, timezone, utc(now)) == (utc(until) if until else None)


@given(
    start=some.times().map(lambda at: at.replace(second=0, microsecond=0)),
    end=some.times().map(lambda at: at.replace(second=0, microsecond=0)),
    timezone=some.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
    now=some.integers(0, 2 * 365 * 24 * 60).map(lambda at: START + timedelta(minutes=at)),
)
def test_they_end_later_than_now_and_within_a_day_or_two_of_changed_clocks(
    start: object, end: object, timezone: str, now: datetime
) -> None:
    if start == end:
        return
    until = quiet_until(QuietHours.model_validate({"start": start, "end": end}), timezone, now)
    assert until is None or now < until <= now + timedelta(hours=25, minutes=1)


def test_what_is_not_urgent_waits_for_their_end() -> None:
    recipient = user(quiet_hours=NOON)
    decision = decide_admission(recipient, template(), request(priority=10), NOW, BUILT_IN)
    assert isinstance(decision, Deferred)
    assert decision.until == utc("2026-11-20 14:30")
    assert decision.reason is WaitReason.QUIET_HOURS


def test_what_is_urgent_does_not_wait() -> None:
    own = CategoryCatalogue(
        version=1,
        categories=(
            Category(code="alarm", name="Alarm", default=CategoryDefault.OPTED_IN, is_urgent=True),
        ),
    )
    recipient = user(quiet_hours=NOON)
    for category, catalogue in (("password_reset", BUILT_IN), ("alarm", own)):
        decision = decide_admission(
            recipient, template(category=category), request(), NOW, catalogue
        )
        assert isinstance(decision, Admitted)
        assert decision.plan.priority == 8


def test_what_expires_before_waits_until_it_does() -> None:
    soon = NOW + timedelta(minutes=5)
    decision = decide_admission(
        user(quiet_hours=NOON), template(), request(expires_at=soon), NOW, BUILT_IN
    )
    assert isinstance(decision, Deferred)
    assert decision.until == soon


def test_what_is_for_later_is_not_held_by_the_hours_of_now() -> None:
    later = NOW + timedelta(minutes=5)
    decision = decide_admission(
        user(quiet_hours=NOON), template(), request(scheduled_at=later), NOW, BUILT_IN
    )
    assert isinstance(decision, Deferred)
    assert (decision.until, decision.reason) == (later, None)

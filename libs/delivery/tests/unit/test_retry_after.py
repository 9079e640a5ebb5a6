import pytest
from deliveries import START as NOON
from hypothesis import given
from hypothesis import strategies as st

from delivery.retry_after import parse_retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("30", 30.0),
        (" 0 ", 0.0),
        ("Fri, 20 Nov 2026 12:00:45 GMT", 45.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_reads_seconds_and_dates(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOON) == seconds


@given(st.text(max_size=40))
def test_nothing_makes_it_fail_or_go_back_in_time(value: str) -> None:
    seconds = parse_retry_after(value, NOON)
    assert seconds is None or seconds >= 0

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from api_gateway.domain.identifiers import (
    first_id_of,
    parse_notification_id,
    public_notification_id,
)


@given(st.uuids())
def test_a_public_id_leads_back_to_the_stored_one(stored: UUID) -> None:
    public = public_notification_id(stored)
    assert public.startswith("notif_")
    assert parse_notification_id(public) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "notif_",
        "0" * 32,
        "notif_" + "0" * 31,
        "notif_" + "0" * 33,
        "notif_" + "g" * 32,
        "notif_" + "A" * 32,
        "NOTIF_" + "0" * 32,
        "notif_" + "0" * 32 + "\n",
        "notif_" + "٠" * 32,
        "notif_00000000-0000-0000-0000-000000000000",
    ],
)
def test_anything_else_is_nobodys_id(text: str) -> None:
    assert parse_notification_id(text) is None


def test_ids_made_later_are_not_smaller_than_the_first_of_a_time() -> None:
    before = datetime.now(UTC)
    made = uuid7()
    assert first_id_of(before) <= made
    assert UUID(int=made.int >> 80 << 80) <= first_id_of(datetime.now(UTC))


@pytest.mark.parametrize(
    ("time", "first"),
    [
        (datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC), "017f22e2-79b0-0000-0000-000000000000"),
        (datetime(1970, 1, 1, tzinfo=UTC), "00000000-0000-0000-0000-000000000000"),
        (datetime(1, 1, 1, tzinfo=UTC), "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_the_first_id_of_a_time_holds_its_milliseconds(time: datetime, first: str) -> None:
    # The first one is the example of RFC 9562, appendix A.6.
    assert str(first_id_of(time)) == first


def test_even_the_last_time_has_an_id() -> None:
    assert first_id_of(datetime.max.replace(tzinfo=UTC)).int >> 80 < 2**48

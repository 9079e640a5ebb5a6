from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.identifiers import parse_notification_id, public_notification_id


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

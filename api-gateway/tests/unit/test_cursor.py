import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.api.cursor import decode_cursor, encode_cursor
from api_gateway.api.notification_query import NotificationQuery
from api_gateway.domain.notification_filter import Place
from contracts.notification import NotificationStatus
from servicekit.errors import UnprocessableContentError

A_LIST, ANOTHER = (NotificationQuery().digest(caller) for caller in ("user:a", "user:b"))
PLACE = Place(uuid4(), 20, 25)

places = st.builds(
    Place,
    st.uuids(),
    st.integers(min_value=0, max_value=2**40),
    st.integers(min_value=0, max_value=10_000),
)


@given(place=places)
def test_what_is_written_is_read_again_and_needs_no_quoting(place: Place) -> None:
    cursor = encode_cursor(place, A_LIST)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    assert decode_cursor(cursor, A_LIST) == place


@given(text=st.text(max_size=80))
def test_any_other_text_is_refused_and_the_field_named(text: str) -> None:
    with pytest.raises(UnprocessableContentError) as refused:
        decode_cursor(text, A_LIST)
    assert [detail.field for detail in refused.value.details or []] == ["cursor"]


@pytest.mark.parametrize("at", range(0, 55, 6))
def test_a_changed_character_is_noticed(at: int) -> None:
    cursor = encode_cursor(PLACE, A_LIST)
    changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
    with pytest.raises(UnprocessableContentError):
        decode_cursor(changed, A_LIST)


def test_it_serves_one_list_alone() -> None:
    with pytest.raises(UnprocessableContentError):
        decode_cursor(encode_cursor(PLACE, A_LIST), ANOTHER)


def test_a_list_is_its_caller_and_its_filters_not_the_size_of_its_pages() -> None:
    filtered = NotificationQuery(status=NotificationStatus.FAILED)
    assert filtered.digest("user:a") != A_LIST
    assert filtered.model_copy(update={"limit": 50, "page": 2}).digest("user:a") == (
        filtered.digest("user:a")
    )


def test_every_filter_tells_a_list_from_others() -> None:
    values: dict[str, object] = {
        "user_id": UUID(int=1),
        "status": "failed",
        "notification_type": "push",
        "template_code": "a",
        "batch_id": UUID(int=1),
        "created_from": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        "created_to": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
    }
    assert values.keys() == NotificationQuery.model_fields.keys() - {"page", "limit", "cursor"}
    digests = {
        NotificationQuery.model_validate({name: value}).digest("user:a")
        for name, value in values.items()
    }
    assert len({A_LIST, *digests}) == len(values) + 1

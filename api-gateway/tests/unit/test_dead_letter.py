"""The message of a dead letter as people see it, and selections as jobs keep them."""

import base64
import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.dead_letter import (
    LetterFilter,
    Selection,
    parse_id,
    parse_selection,
    selection_document,
    show_body,
)
from contracts.notification import NotificationType

times = st.none() | st.datetimes(timezones=st.just(UTC))
filters = st.builds(
    LetterFilter,
    st.none() | st.sampled_from(NotificationType),
    st.none() | st.text(min_size=1),
    st.none() | st.text(min_size=1),
    times,
    times,
)
selections = st.builds(Selection, ids=st.lists(st.uuids(), min_size=1).map(tuple)) | st.builds(
    Selection, filter=filters
)


@given(selections)
def test_a_selection_comes_back_as_it_was_kept(selection: Selection) -> None:
    kept = json.loads(json.dumps(selection_document(selection)))
    assert parse_selection(kept) == selection


def test_a_selection_is_kept_in_the_words_of_the_request() -> None:
    one = uuid4()
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    assert selection_document(Selection(ids=(one,))) == {"ids": [str(one)]}
    assert selection_document(Selection()) == {"all": True}
    assert selection_document(
        Selection(filter=LetterFilter(reason="poison", received_from=begin))
    ) == {"filter": {"reason": "poison", "received_from": "2026-11-01T00:00:00+00:00"}}


@pytest.mark.parametrize(
    "body", [b'{"a": [1, null, "\xc3\xbc"]}', b"[]", b'"text"', b"12345678901234567890123"]
)
def test_json_is_shown_as_json(body: bytes) -> None:
    shown = show_body(body)
    assert shown.document == json.loads(body)
    assert (shown.base64, shown.note) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\x00",
        b"",
        b"{",
        b"NaN",
        b"1e999",
        b'{"a": "\\ud800"}',
        b"[" * 1000 + b"]" * 1000,
        b"9" * 10_000,
    ],
)
def test_all_else_is_shown_as_base64_with_a_note(body: bytes) -> None:
    shown = show_body(body)
    assert shown.document is None
    assert shown.base64 is not None
    assert base64.b64decode(shown.base64) == body
    assert shown.note is not None
    assert shown.note.startswith("This is not JSON")


def test_an_id_is_read_as_it_is_shown() -> None:
    one = uuid4()
    assert parse_id(str(one)) == one
    assert parse_id(str(one).upper()) == one


@pytest.mark.parametrize(
    "text", ["", "x", str(UUID(int=0))[:-1], uuid4().hex, f"{{{uuid4()}}}", f"{uuid4()}\n"]
)
def test_no_letter_has_an_id_of_another_form(text: str) -> None:
    assert parse_id(text) is None

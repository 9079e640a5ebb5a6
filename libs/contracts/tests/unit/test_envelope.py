import json

from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Envelope, ErrorDetail, ErrorEnvelope, PageMeta
from contracts.error_codes import ErrorCode

counts = st.integers(min_value=0, max_value=10_000)
limits = st.integers(min_value=1, max_value=100)
pages = st.integers(min_value=1, max_value=1_000)


@given(total=counts, limit=limits)
def test_pages_hold_exactly_the_rows_of_the_list(total: int, limit: int) -> None:
    meta = PageMeta.of(total=total, limit=limit, page=1)
    assert meta.total_pages == len(range(0, total, limit))


@given(total=counts, limit=limits, page=pages)
def test_a_next_page_exists_when_rows_lie_behind_this_one(
    total: int, limit: int, page: int
) -> None:
    meta = PageMeta.of(total=total, limit=limit, page=page)
    assert meta.has_next == (total > page * limit)
    assert meta.has_previous == (page > 1)
    assert (meta.total, meta.limit, meta.page) == (total, limit, page)


@given(limit=limits, page=pages)
def test_a_next_cursor_leads_to_a_next_page_beyond_what_was_counted(limit: int, page: int) -> None:
    meta = PageMeta.of(total=limit, limit=limit, page=page, next_cursor="c")
    assert (meta.has_next, meta.next_cursor) == (True, "c")


def test_an_empty_list_has_no_pages() -> None:
    meta = PageMeta.of(total=0, limit=10, page=1)
    assert (meta.total_pages, meta.has_next, meta.has_previous) == (0, False, False)


def test_a_success_has_the_five_fields_of_the_envelope() -> None:
    answer = Envelope[dict[str, int]](success=True, message="Done.", data={"a": 1})
    assert json.loads(answer.model_dump_json()) == {
        "success": True,
        "message": "Done.",
        "data": {"a": 1},
        "error": None,
        "meta": None,
    }


def test_an_error_carries_its_code_as_a_plain_word() -> None:
    answer = ErrorEnvelope(
        message="No.",
        error=ErrorCode.NOT_FOUND,
        details=[ErrorDetail(field="a", code="missing", message="Field required")],
    )
    assert json.loads(answer.model_dump_json()) == {
        "success": False,
        "message": "No.",
        "data": None,
        "error": "not_found",
        "meta": None,
        "details": [{"field": "a", "code": "missing", "message": "Field required"}],
    }

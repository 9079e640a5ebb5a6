"""The `Idempotency-Key` header means what `request_id` means."""

import pytest

from api_gateway.api.idempotency_key import request_id_of
from servicekit.errors import MalformedRequestError, UnprocessableContentError


@pytest.mark.parametrize(
    ("header", "request_id", "expected"),
    [
        (None, None, None),
        (None, "req_1", "req_1"),
        ("req_1", None, "req_1"),
        ('"req_1"', None, "req_1"),
        (r'"a \"b\" \\c"', None, r'a "b" \c'),
        ("  req_1 ", "req_1", "req_1"),
        ('"', None, '"'),
        ("x" * 255, None, "x" * 255),
    ],
)
def test_header_or_body_or_both_give_the_request_id(
    header: str | None, request_id: str | None, expected: str | None
) -> None:
    assert request_id_of(header, request_id) == expected


def test_two_different_ones_are_refused() -> None:
    with pytest.raises(MalformedRequestError):
        request_id_of("a", "b")


@pytest.mark.parametrize("header", ["", '""', "x" * 256, "é", "a\tb"])
def test_what_is_not_printable_ascii_or_too_long_is_refused(header: str) -> None:
    with pytest.raises(UnprocessableContentError) as caught:
        request_id_of(header, None)
    assert caught.value.details is not None
    assert caught.value.details[0].field == "Idempotency-Key"

"""The `Idempotency-Key` header means what `request_id` means."""

import pytest
from starlette.datastructures import Headers

from api_gateway.api.idempotency_key import request_id_of
from servicekit.errors import MalformedRequestError, UnprocessableContentError


def _headers(*keys: str) -> Headers:
    return Headers(raw=[(b"idempotency-key", key.encode("latin-1")) for key in keys])


@pytest.mark.parametrize(
    ("header", "request_id", "expected"),
    [
        (None, None, None),
        (None, "req_1", "req_1"),
        ("req_1", None, "req_1"),
        ('"req_1"', None, "req_1"),
        (r'"a \"b\" \\c"', None, r'a "b" \c'),
        ("  req_1 ", "req_1", "req_1"),
        ('a"b', None, 'a"b'),
        ('a"', None, 'a"'),
        ('" "', " ", " "),
        ("x" * 255, None, "x" * 255),
        ('"' + r"\"" * 255 + '"', None, '"' * 255),
    ],
)
def test_header_or_body_or_both_give_the_request_id(
    header: str | None, request_id: str | None, expected: str | None
) -> None:
    assert (
        request_id_of(_headers(header) if header is not None else _headers(), request_id)
        == expected
    )


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [(["a"], "b"), (['"a"'], '"a"'), (["a", "b"], None), (["a", "a"], "a")],
)
def test_two_different_ones_are_refused(headers: list[str], request_id: str | None) -> None:
    with pytest.raises(MalformedRequestError):
        request_id_of(_headers(*headers), request_id)


@pytest.mark.parametrize(
    "header",
    [
        "",
        '""',
        '"',
        '"a',
        '"a"b"',
        r'"a\"',
        r'"a\b"',
        '"a"; b=1',
        '"é"',
        "x" * 256,
        f'"{"x" * 256}"',
        "é",
        "\xa0",
        "a\tb",
        "a\x7f",
    ],
)
def test_what_is_not_printable_ascii_or_too_long_is_refused(header: str) -> None:
    with pytest.raises(UnprocessableContentError) as caught:
        request_id_of(_headers(header), None)
    assert caught.value.details is not None
    assert caught.value.details[0].field == "Idempotency-Key"

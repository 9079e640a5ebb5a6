import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.json_dialect import MAX_DEPTH, DialectError, check_dialect

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)  # fmt: skip


@given(value=values, escaped=st.booleans())
def test_all_json_passes(value: Any, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    check_dialect(text.encode(errors="surrogatepass"))


@given(pairs=st.lists(st.tuples(st.sampled_from("abc"), values), max_size=6), wrapped=st.booleans())
def test_a_key_that_comes_twice_is_found_wherever_it_is(
    pairs: list[tuple[str, Any]], wrapped: bool
) -> None:
    text = "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(item)}" for key, item in pairs) + "}"
    body = (f'{{"list": [1, {text}]}}' if wrapped else text).encode()
    keys = [key for key, _ in pairs]
    if len(set(keys)) == len(keys):
        check_dialect(body)
    else:
        with pytest.raises(DialectError, match=r'the key "[abc]" comes twice in one object'):
            check_dialect(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a": NaN}', "NaN is no number"),
        (b"[Infinity]", "Infinity is no number"),
        (b'{"a": {"b": -Infinity}}', "-Infinity is no number"),
        (b'{"a": 1, "\\u0061": 2}', 'the key "a" comes twice'),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "more than 64 levels"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "more than 64 levels"),
        (b"[" * 100_000, "more than 64 levels"),
        (b'"\xff"', "not UTF-8"),
        ('{"a": 1, "a": 2}'.encode("utf-16-le"), "not UTF-8"),
        ("[NaN]".encode("utf-16"), "not UTF-8"),
        ('{"a": 1, "a": 2}'.encode("utf-8-sig"), "not UTF-8"),
    ],
)
def test_what_only_some_parsers_understand_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(DialectError, match=reason):
        check_dialect(body)


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"a": 1,}', b"'a'"])
def test_what_no_parser_understands_is_left_to_the_parser(body: bytes) -> None:
    check_dialect(body)


@pytest.mark.parametrize(
    "body", [b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, b"[" + b"[]," * 1_000 + b"[]]"]
)
def test_what_is_wide_or_just_as_deep_as_allowed_passes(body: bytes) -> None:
    check_dialect(body)


def test_a_number_without_end_costs_no_time() -> None:
    started = time.perf_counter()
    check_dialect(b"[" + b"9" * 1_000_000 + b"]")
    assert time.perf_counter() - started < 1

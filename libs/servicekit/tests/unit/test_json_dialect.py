"""The dialect against a plain reader of RFC 8259, and against bodies that want to cost much."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strict_json import NotStrictError, read

from servicekit.json_dialect import MAX_DEPTH, MAX_VALUES, DialectError, parse_json

NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
)
# Colons, quotes, brackets and backslashes are what counting could be deceived by.
TEXTS = st.text(st.sampled_from(':,"\\[]{}a\0\u00e9😀\ud800\udc00')) | st.text(
    st.characters(exclude_categories=())
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=30,
)


def spelled(value: Any, draw: st.DrawFn) -> str:
    """A value as one of its many spellings, with keys that come twice now and then."""
    gap = st.sampled_from(["", "", " ", "\n\t"])
    match value:
        case dict():
            pairs = list(value.items())
            if pairs and draw(st.integers(0, 9)) == 0:
                pairs.insert(draw(st.integers(0, len(pairs))), draw(st.sampled_from(pairs)))
            inside = (f"{_text(key, draw)}{draw(gap)}:{spelled(item, draw)}" for key, item in pairs)
            return "{" + draw(gap) + f"{draw(gap)},{draw(gap)}".join(inside) + "}"
        case list():
            return "[" + f",{draw(gap)}".join(spelled(item, draw) for item in value) + "]"
        case str():
            return _text(value, draw)
    return json.dumps(value)


def _text(value: str, draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return '"' + "".join(_units(value)) + '"'
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


def _units(value: str) -> list[str]:
    raw = value.encode("utf-16-be", "surrogatepass")
    return [f"\\u{raw[at : at + 2].hex()}" for at in range(0, len(raw), 2)]


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    return spelled(draw(VALUES), draw).encode(errors="surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A document in which something is replaced, inserted or cut away."""
    body = draw(documents())
    at = draw(st.integers(0, len(body)))
    until = min(len(body), at + draw(st.integers(0, 3)))
    piece = draw(
        st.binary(max_size=3)
        | st.sampled_from(
            [*b'{}[]:,"\\', *b"0123456789+-.eEu"]
        ).map(lambda byte: bytes([byte]))
        | st.sampled_from([b"NaN", b"-Infinity", b"\xef\xbb\xbf", b"\\ud83d", b"\\u003a", b"1e999"])
    )  # fmt: skip
    return body[:at] + piece + body[until:]


def agree(body: bytes) -> None:
    try:
        expected = read(body)
    except NotStrictError:
        with pytest.raises(DialectError):
            parse_json(body)
    else:
        # As text, since 1 and 1.0 and true are equal to Python.
        assert repr(parse_json(body)) == repr(expected)


@settings(max_examples=500, deadline=None)
@given(documents())
def test_reads_every_spelling_as_a_strict_reader_does(body: bytes) -> None:
    agree(body)


@settings(max_examples=1_000, deadline=None)
@given(damaged())
@example(b'{"a":1,"\\u0061":2}')
@example(b'{"a":":","\\u003a\\u003a":":","a":1}')
@example(b'{"a":"\\u003A\\u003a","a":""}')
@example(b"-0")
@example(b"[1e400, -1e400, 1e-400, -0.0, 123456789012345678901234567890]")
@example(b"[18446744073709551615, 9223372036854775808, -9223372036854775809]")
@example(b"\xef\xbb\xbf1")
@example(b'"\\uD83D\\uDE00 \\uD83D \\uDE00"')
@example('"\ud800"'.encode(errors="surrogatepass"))
@example(json.dumps({"a": 1}).encode("utf-16"))
@example(b"\xc0\x80")
@example(b'["\\u00e\xef\xbc\x91"]')
@example(b'{"a":1}x')
@example(b"01")
@example(b"[1,]")
@example(b"")
def test_refuses_what_a_strict_reader_refuses(body: bytes) -> None:
    agree(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a": NaN}', "NaN is no number of JSON's, at a"),
        (b"[1, Infinity]", "Infinity is no number of JSON's, at 1"),
        (b"-Infinity", "-Infinity is no number of JSON's"),
        (b'{"a": 1, "\\u0061": 2}', 'the key "a" comes twice in one object'),
        (
            b'{"a": {"b": [0, {"c": 1, "c": 2}]}, "z": NaN}',
            'the key "c" comes twice in one object, at a.b.1',
        ),
        (b'{"\\ud800": NaN}', "NaN is no number of JSON's, at \\ud800"),
        ('{"é": 1,}'.encode(), "Expecting property name enclosed in double quotes at byte 9"),
        (b'{"a": "\xff"}', "it is not UTF-8 at byte 7"),
        (b"\xef\xbb\xbf1", "it begins with a byte order mark"),
        ("[1]".encode("utf-16-le"), "Expecting value at byte 1"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "it is nested more than 64 levels deep"),
    ],
)
def test_says_what_is_wrong_and_where(body: bytes, reason: str) -> None:
    with pytest.raises(DialectError) as caught:
        parse_json(body)
    # Newer versions of Python find better words for what its parser refuses.
    said = str(caught.value)
    assert said == reason or (" at byte " in said and said.startswith("Illegal trailing comma"))
    said.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH,
        b"[" + b"[]," * 1_000 + b"[]]",
        b'["' + b"[" * 1_000 + b'", "\\\\", "\\"' + b"{" * 1_000 + b'"]',
        b"[" + b"1," * (MAX_VALUES - 2) + b"1]",
        b'["' + b"," * (3 * MAX_VALUES) + b'"]',
    ],
    ids=["deep array", "deep object", "wide", "brackets in text", "many", "commas in text"],
)
def test_what_is_just_as_much_as_allowed_is_read(body: bytes) -> None:
    assert parse_json(body) == json.loads(body)


MANY = f"more than {MAX_VALUES} values"
DEEP = "nested more than 64 levels"
NUMBER_WITHOUT_END = b"[" + b"9" * 5_000_000 + b"]"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" * 100_000, DEEP),
        (b'{"a":' * 90_000 + b"1" + b"}" * 90_000, DEEP),
        (b'[{"a":' * 40_000, DEEP),
        (b"[" * 5_000_000, MANY),
        (b'{"a":' * 1_000_000, MANY),
        (b"[" + b"1," * 2_500_000 + b"1]", MANY),
        (b"[" + b"{}," * 1_500_000 + b"{}]", MANY),
        (b'"' * 5_000_000, MANY),
        (b'"' + b'\\"' * 2_500_000, "Unterminated string"),
        (b"]" * 5_000_000, MANY),
        (b'["' + b"\\" * 5_000_000, "Unterminated string"),
        (b'{"a":1,' + b'"a":1,' * 90_000 + b'"a":1}', "comes twice"),
        (b"[" + b"NaN," * 90_000 + b"NaN]", "no number"),
        (NUMBER_WITHOUT_END, None),
        (b"[" + (b"9" * 300 + b",") * 16_000 + b"9]", None),
        (b"[" + b"1" * 4_000_000 + b"." + b"1" * 1_000_000 + b"e" + b"9" * 100_000 + b"]", None),
    ],
    ids=range(16),
)
def test_no_body_costs_much(body: bytes, reason: str | None) -> None:
    tracemalloc.start()
    started = time.perf_counter()
    try:
        if reason is None:
            parse_json(body)
        else:
            with pytest.raises(DialectError, match=reason):
                parse_json(body)
        seconds = time.perf_counter() - started
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds < 2
    assert peak < 80_000_000  # orjson takes twelve times the bytes of the body while it reads


def test_an_integer_beyond_every_double_is_infinite_as_a_double_is() -> None:
    assert parse_json(NUMBER_WITHOUT_END) == [float("inf")]
    assert parse_json(b"[-%s]" % (b"9" * 400)) == [float("-inf")]
    assert parse_json(b"[%s]" % (b"9" * 309)) == [10**309 - 1]

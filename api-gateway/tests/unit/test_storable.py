import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.storable import MAX_DEPTH, MAX_FLAWS, MAX_KEYS, Path, flaws_of


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "flaws"),
    [
        ({"a": "x\0y"}, [(("a",), "nul_character")]),
        ({"a\0": 1}, [((), "nul_character")]),
        ({"a": "\ud800"}, [(("a",), "string_unicode")]),
        ({"a": "😀\udc00"}, [(("a",), "string_unicode")]),
        ({"a": {"\udfff": 1}}, [(("a",), "string_unicode")]),
        ({"a": float("nan")}, [(("a",), "finite_number")]),
        ({"a": [1, float("inf")]}, [(("a", 1), "finite_number")]),
        ({"a": 2**63}, [(("a",), "integer_size")]),
        ({"a": -(2**63)}, [(("a",), "integer_size")]),
        (nested(MAX_DEPTH + 1), [(("a",) * (MAX_DEPTH + 1), "too_deep")]),
        ({str(n): n for n in range(MAX_KEYS + 1)}, [((), "too_many_keys")]),
        ({"a": [{str(n): n} for n in range(MAX_KEYS)]}, [((), "too_many_keys")]),
        (
            {"a": "\0", "b": {"c": [True, {"d": 2**64}]}, "e": "e"},
            [(("a",), "nul_character"), (("b", "c", 1, "d"), "integer_size")],
        ),
    ],
)
def test_says_where_and_why_a_later_stage_could_not_carry_it(
    value: dict[str, Any], flaws: list[tuple[Path, str]]
) -> None:
    assert [(flaw.path, flaw.code) for flaw in flaws_of(value)] == flaws
    assert all(flaw.message.endswith(".") for flaw in flaws_of(value))


def test_tells_the_first_fifty() -> None:
    flaws = flaws_of({"a": ["\0"] * 1_000})
    assert [flaw.path for flaw in flaws] == [("a", index) for index in range(MAX_FLAWS)]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": [True, None, 1.5, -(2**63) + 1, 2**63 - 1, "", "😀", "\u2028"]},
        nested(MAX_DEPTH),
        {str(n): n for n in range(MAX_KEYS)},
    ],
)
def test_takes_ordinary_values_up_to_the_limits(value: dict[str, Any]) -> None:
    assert flaws_of(value) == []


TEXTS = st.text(st.characters(exclude_categories=()))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXTS, JSON_VALUES, max_size=5))
def test_what_has_no_flaw_survives_strict_json_in_utf_8_and_nothing_else_does(
    value: dict[str, Any],
) -> None:
    flaws = flaws_of(value)
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:  # not a number of JSON's, or no UTF-8
        assert flaws
        return
    # JSON writes a NUL as an escape, and carries integers that PostgreSQL's readers do not.
    if not flaws:
        assert json.loads(text) == value
    assert bool(flaws) == (_has_nul(value) or _is_large(value) or _levels(value) > MAX_DEPTH)


def _has_nul(value: Any) -> bool:
    return b"\\u0000" in json.dumps(value).encode().replace(b"\\\\", b"")


def _is_large(value: Any) -> bool:
    numbers: list[int] = []
    json.loads(json.dumps(value), parse_int=lambda digits: numbers.append(int(digits)))
    return any(abs(number) >= 2**63 for number in numbers)


def _levels(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((1 + _levels(each) for each in inner), default=0)

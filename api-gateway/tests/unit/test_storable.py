import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.storable import MAX_DEPTH, MAX_KEYS, UnstorableValueError, check_storable


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": "x\0y"}, "variables.a contains a NUL character"),
        ({"a\0": 1}, "a key in variables contains a NUL character"),
        ({"a": "\ud800"}, "variables.a contains half a surrogate pair"),
        ({"a": {"\udfff": 1}}, "a key in variables.a contains half a surrogate pair"),
        ({"a": float("nan")}, "variables.a is not a finite number"),
        ({"a": [1, float("inf")]}, "variables.a.1 is not a finite number"),
        ({"a": 2**63}, "variables.a is a number of more than 64 bits"),
        ({"a": -(2**63) - 1}, "variables.a is a number of more than 64 bits"),
        (nested(MAX_DEPTH + 1), "nested more than"),
        ({str(n): n for n in range(MAX_KEYS + 1)}, "more than 1000 keys"),
        ({"a": [{str(n): n} for n in range(MAX_KEYS)]}, "more than 1000 keys"),
    ],
)
def test_refuses_what_a_later_stage_could_not_carry(value: dict[str, Any], says: str) -> None:
    with pytest.raises(UnstorableValueError, match=says):
        check_storable(value, "variables")


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
    check_storable(value, "variables")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters()), JSON_VALUES, max_size=5))
def test_whatever_passes_survives_strict_json_in_utf_8(value: dict[str, Any]) -> None:
    try:
        check_storable(value, "variables")
    except UnstorableValueError:
        return
    text = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    assert json.loads(text) == value
    assert b"\0" not in text

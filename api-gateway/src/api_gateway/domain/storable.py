"""Which JSON values every later stage can carry: UTF-8, PostgreSQL's jsonb, and JSON itself."""

import math
import re
from typing import Any, Final

MAX_DEPTH: Final = 10
MAX_KEYS: Final = 1_000
_MAX_INTEGER: Final = 2**63 - 1
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class UnstorableValueError(ValueError):
    """A value that a later stage could not carry; says where it lies and why."""


def check_storable(value: Any, path: str) -> None:
    """Walk a JSON value.

    Args:
        value: As a JSON parser returned it.
        path: Name of the field, for the message.

    Raises:
        UnstorableValueError: A NUL or half a surrogate pair in a text, a number that JSON does not
            have or of more than 64 bits, more than 10 levels, or more than 1,000 keys in all.
    """
    _walk(value, path, 0, [0])


def _walk(value: Any, path: str, depth: int, keys: list[int]) -> None:
    if depth > MAX_DEPTH:
        msg = f"{path} is nested more than {MAX_DEPTH} levels deep"
        raise UnstorableValueError(msg)
    match value:
        case str():
            _check_text(value, path)
        case bool() | None:
            pass
        case int() if abs(value) > _MAX_INTEGER:
            msg = f"{path} is a number of more than 64 bits"
            raise UnstorableValueError(msg)
        case float() if not math.isfinite(value):
            msg = f"{path} is not a finite number"
            raise UnstorableValueError(msg)
        case dict():
            keys[0] += len(value)
            if keys[0] > MAX_KEYS:
                msg = f"there are more than {MAX_KEYS} keys"
                raise UnstorableValueError(msg)
            for key, item in value.items():
                _check_text(key, f"a key in {path}")
                _walk(item, f"{path}.{key}", depth + 1, keys)
        case list():
            for index, item in enumerate(value):
                _walk(item, f"{path}.{index}", depth + 1, keys)


def _check_text(text: str, path: str) -> None:
    found = _UNSTORABLE.search(text)
    if found is not None:
        what = "a NUL character" if found[0] == "\0" else "half a surrogate pair"
        msg = f"{path} contains {what}"
        raise UnstorableValueError(msg)

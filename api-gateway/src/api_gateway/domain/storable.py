"""Which JSON values every later stage can carry: UTF-8, PostgreSQL's jsonb, and JSON itself."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

MAX_DEPTH: Final = 10
MAX_KEYS: Final = 1_000
MAX_FLAWS: Final = 50
_MAX_INTEGER: Final = 2**63 - 1
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Flaw:
    """What a later stage could not carry.

    Attributes:
        path: Where it lies in the value; of a key that is wrong, the object's.
        code: Which rule it breaks.
        message: The same for people.
    """

    path: Path
    code: str
    message: str


def flaws_of(value: Any) -> list[Flaw]:
    """Find what a later stage could not carry.

    That is a NUL or half a surrogate pair in a text or key, a number that JSON does not have or of
    more than 64 bits, more than 10 levels, or more than 1,000 keys in all.

    Args:
        value: As a JSON parser returned it.

    Returns:
        The first 50, in their order.
    """
    return [] if _is_storable(value) else list(islice(_all_flaws(value), MAX_FLAWS))


def _is_storable(value: Any) -> bool:
    """The same without its reasons: what nearly every request is answered by, level by level."""
    keys, level = 0, [value]
    for _ in range(MAX_DEPTH + 1):
        deeper: list[Any] = []
        for each in level:
            kind = type(each)
            if kind is str:
                if not each.isprintable() and _UNSTORABLE.search(each):
                    return False
            elif kind is dict:
                keys += len(each)
                deeper += each
                deeper += each.values()
            elif kind is list:
                deeper += each
            elif kind is int:
                if not -_MAX_INTEGER <= each <= _MAX_INTEGER:
                    return False
            elif kind is float and not math.isfinite(each):
                return False
        if not deeper:
            return keys <= MAX_KEYS
        level = deeper
    return False


def _all_flaws(value: Any) -> Iterator[Flaw]:
    if _keys_in(value) > MAX_KEYS:
        yield Flaw((), "too_many_keys", f"It has more than {MAX_KEYS} keys in all.")
    yield from _flaws_in(value, (), 0)


def _keys_in(value: Any) -> int:
    match value:
        case dict():
            return len(value) + sum(map(_keys_in, value.values()))
        case list():
            return sum(map(_keys_in, value))
    return 0


def _flaws_in(value: Any, path: Path, depth: int) -> Iterator[Flaw]:
    if depth > MAX_DEPTH:
        yield Flaw(path, "too_deep", f"It is nested more than {MAX_DEPTH} levels deep.")
        return
    match value:
        case str():
            yield from _flaws_in_text(value, path, "The text")
        case bool() | None:
            pass
        case int() if abs(value) > _MAX_INTEGER:
            yield Flaw(path, "integer_size", "The number has more than 64 bits.")
        case float() if not math.isfinite(value):
            yield Flaw(path, "finite_number", "The number is not finite.")
        case dict():
            for key, item in value.items():
                unfit = list(_flaws_in_text(key, path, "A key"))
                yield from unfit or _flaws_in(item, (*path, key), depth + 1)
        case list():
            for index, item in enumerate(value):
                yield from _flaws_in(item, (*path, index), depth + 1)


def _flaws_in_text(text: str, path: Path, what: str) -> Iterator[Flaw]:
    found = _UNSTORABLE.search(text)
    if found is None:
        return
    if found[0] == "\0":
        yield Flaw(path, "nul_character", f"{what} must not hold a NUL character.")
    else:
        yield Flaw(path, "string_unicode", f"{what} must not hold half a surrogate pair.")

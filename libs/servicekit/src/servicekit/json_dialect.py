"""The one JSON that our services read: RFC 8259, and none of what parsers make of the rest.

Python's parser takes NaN and Infinity, and of two equal keys the last one; others take the first.
A body that means different things to different readers is refused where it comes in.
"""

import json
from typing import Any, Final

MAX_DEPTH: Final = 64
"""Levels of arrays and objects; what is nested deeper is an attack on some parser."""
_SHOWN_CHARACTERS: Final = 60


class DialectError(ValueError):
    """JSON to Python's parser, and no JSON to us; says why in a sentence's second half."""


def check_dialect(body: bytes) -> None:
    """Look for what only some parsers understand; what no parser does is left to the parser.

    Args:
        body: What was sent as JSON.

    Raises:
        DialectError: It is not UTF-8, a key comes twice in one object, a number is none of
            JSON's, or it is nested more than `MAX_DEPTH` levels deep.
    """
    # Python's parser guesses at UTF-16 and UTF-32, by a mark or by NULs, and reads them.
    if body.startswith(_MARK) or b"\0" in body:
        raise DialectError(_NOT_UTF8)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise DialectError(_NOT_UTF8) from error
    try:
        parsed = _STRICT.decode(text)
    except RecursionError as error:
        raise DialectError(_TOO_DEEP) from error
    except DialectError:
        raise
    except ValueError:
        return  # no JSON: the parser says so
    # Deep nesting needs as many brackets; most bodies have none too many.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(parsed) > MAX_DEPTH:
        raise DialectError(_TOO_DEEP)


_MARK: Final = b"\xef\xbb\xbf"
_NOT_UTF8: Final = "it is not UTF-8, without a byte order mark"
_TOO_DEEP: Final = f"it is nested more than {MAX_DEPTH} levels deep"


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        msg = f"the key {json.dumps(twice[:_SHOWN_CHARACTERS])} comes twice in one object"
        raise DialectError(msg)
    return parsed


def _no_constant(name: str) -> Any:
    msg = f"{name} is no number of JSON's"
    raise DialectError(msg)


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_without_repeats,
    parse_constant=_no_constant,
    # Its value does not matter here, and a number of a million digits would cost seconds.
    parse_int=float,
)


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += any(isinstance(each, dict | list) for each in level)
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return deepest

"""The one JSON that our services read: RFC 8259, and none of what parsers make of the rest.

Python's parser takes NaN and Infinity, and of two equal keys the last one; others take the first.
A body that means different things to different readers is refused where it comes in, and so is one
that would cost its reader much. What is well-formed and still cannot be carried on, such as half a
surrogate pair, is parsed: whoever knows the field's name refuses it.

Most bodies are read by orjson, which is strict in everything but equal keys and large numbers;
where one of these is possible, and to say what is wrong, Python's parser reads them.
"""

import codecs
import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final, NamedTuple

import orjson

MAX_DEPTH: Final = 64
"""Levels of arrays and objects; what is nested deeper is an attack on some parser."""
MAX_VALUES: Final = 100_000
"""Values in all, as commas and brackets tell; a batch of 1,000 items with 100 values each."""
_LARGEST_DOUBLE_CHARACTERS: Final = 310  # with a sign
_SHOWN_CHARACTERS: Final = 100


class DialectError(ValueError):
    """No JSON, or not ours; says why and where in a sentence's second half."""


def parse_json(body: bytes) -> Any:
    """Read a document.

    An integer without end becomes the infinity that a double of that size is.

    Args:
        body: What was sent as JSON.

    Raises:
        DialectError: It is not JSON in UTF-8, a key comes twice in one object, a number is none of
            JSON's, or there are more than `MAX_DEPTH` levels or `MAX_VALUES` values.
    """
    if len(body) > 2 * MAX_VALUES or body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _refuse_sprawl(body)
    if not _has_rarities(body):
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _parse_closely(body)
        # Of equal keys orjson keeps the last, so the others' colons are missing when it is written
        # again. No escape hides a colon: that would be a rarity.
        if orjson.dumps(parsed).count(b":") == body.count(b":"):
            return parsed
    return _parse_closely(body)


# Above 18 digits orjson makes doubles of integers.
_DIGITS: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_MANY_DIGITS: Final = b"0" * 19
# Of a colon, and halves of surrogate pairs, which orjson takes for no JSON.
_RARE_ESCAPE: Final = re.compile(rb"\\u(?:003[aA]|[dD][89a-fA-F])")


def _has_rarities(body: bytes) -> bool:
    """Whether it may hold what orjson does not read as we do."""
    return _MANY_DIGITS in body.translate(_DIGITS) or (
        b"\\u" in body and _RARE_ESCAPE.search(body) is not None
    )


_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEPS: Final = {**dict.fromkeys(b"[{", 1), **dict.fromkeys(b"]}", -1)}


def _refuse_sprawl(body: bytes) -> None:
    """Bound levels and values before a parser takes memory for them."""
    bare = body
    if b"\\" in body:
        bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Four quotes for a key and its text; more would cost memory in the next step.
    if bare.count(b'"') > 4 * MAX_VALUES:
        raise DialectError(_TOO_MANY)
    structure = b"".join(bare.split(b'"')[::2])
    brackets = structure.translate(None, _NO_BRACKETS)
    if structure.count(b",") + len(brackets) // 2 >= MAX_VALUES:
        raise DialectError(_TOO_MANY)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise DialectError(_TOO_DEEP)


_TOO_MANY: Final = f"it holds more than {MAX_VALUES} values"
_TOO_DEEP: Final = f"it is nested more than {MAX_DEPTH} levels deep"


def _parse_closely(body: bytes) -> Any:
    if body.startswith(codecs.BOM_UTF8):
        msg = "it begins with a byte order mark"  # which RFC 8259 §8.1 forbids to send
        raise DialectError(msg)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        msg = f"it is not UTF-8 at byte {error.start}"
        raise DialectError(msg) from error
    try:
        return _REFUSING.decode(text)
    except json.JSONDecodeError as error:
        msg = f"{error.msg} at byte {len(text[: error.pos].encode())}"
        raise DialectError(msg) from error
    except _FlawError as error:
        raise DialectError(_where_it_is(text, error.flaw)) from error


class _Flaw(NamedTuple):
    """Stands in a marked tree for what is wrong there."""

    reason: str


class _FlawError(Exception):
    def __init__(self, flaw: _Flaw) -> None:
        super().__init__(flaw.reason)
        self.flaw = flaw


def _refused(flaw: _Flaw) -> Any:
    raise _FlawError(flaw)


def _marked(flaw: _Flaw) -> Any:
    return flaw


def _decoder(on_flaw: Any) -> json.JSONDecoder:
    def object_of(pairs: list[tuple[str, Any]]) -> Any:
        parsed = dict(pairs)
        return parsed if len(parsed) == len(pairs) else on_flaw(_Flaw(_repeated(pairs)))

    return json.JSONDecoder(
        object_pairs_hook=object_of,
        parse_constant=lambda name: on_flaw(_Flaw(f"{name} is no number of JSON's")),
        parse_int=_integer,
    )


def _integer(digits: str) -> int | float:
    # Beyond a double nobody takes it, and the time that int() needs grows with its square.
    return int(digits) if len(digits) <= _LARGEST_DOUBLE_CHARACTERS else float(digits)


def _repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return f"the key {json.dumps(key[:_SHOWN_CHARACTERS])} comes twice in one object"
        seen.add(key)
    raise AssertionError(pairs)


_REFUSING: Final = _decoder(_refused)
_MARKING: Final = _decoder(_marked)


def _flaws(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], _Flaw]]:
    if isinstance(value, _Flaw):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _flaws(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flaws(item, (*path, str(index)))


def _where_it_is(text: str, flaw: _Flaw) -> str:
    try:
        path, flaw = next(_flaws(_MARKING.decode(text), ()))
    except json.JSONDecodeError:
        return flaw.reason  # what follows is wrong as well
    if not path:
        return flaw.reason
    # As JSON writes it, since a key may hold what no answer could.
    return f"{flaw.reason}, at {json.dumps('.'.join(path)[:_SHOWN_CHARACTERS])[1:-1]}"

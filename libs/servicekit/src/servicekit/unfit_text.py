"""Text that JSON can spell and no later stage can carry, found wherever in a document it lies.

PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair. Pydantic lets both through in a
plain `str`, so that an answer or a statement would fail; here they are the caller's error.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from contracts.envelope import ErrorDetail
from servicekit.errors import MAX_FIELD_CHARACTERS

_SUSPICIOUS_ESCAPE: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNFIT: Final = re.compile("[\0\ud800-\udfff]")


def unfit_texts(body: bytes, document: Any) -> Iterator[ErrorDetail]:
    """Name the fields whose texts, or keys, cannot be carried.

    Args:
        body: As it was sent; most bodies show that there are none.
        document: What was parsed of it.
    """
    if b"\\u" in body and _SUSPICIOUS_ESCAPE.search(body) is not None:
        yield from _unfit_in(document, "")


def _unfit_in(value: Any, path: str) -> Iterator[ErrorDetail]:
    match value:
        case str():
            yield from _judged(value, path, "The text")
        case dict():
            for key, item in value.items():
                unfit = list(_judged(key, path, "A key"))
                yield from unfit or _unfit_in(item, f"{path}.{key}" if path else key)
        case list():
            for index, item in enumerate(value):
                yield from _unfit_in(item, f"{path}.{index}" if path else str(index))


def _judged(text: str, path: str, what: str) -> Iterator[ErrorDetail]:
    found = _UNFIT.search(text)
    if found is None:
        return
    if found[0] == "\0":
        code, holds = "nul_character", "a NUL character"
    else:
        code, holds = "string_unicode", "half a surrogate pair"
    field = path[:MAX_FIELD_CHARACTERS] or "body"
    yield ErrorDetail(field=field, code=code, message=f"{what} must not hold {holds}.")

"""What a provider said, as the history keeps it: bounded, storable, and without addresses."""

import re
from typing import Final

_DETAIL_CHARACTERS: Final = 500
# The local part of an address, from its beginning on: so a long text without any @ costs no more
# than its length.
_LOCAL_PART: Final = re.compile(
    r'(?<![^\s<>()\[\]{}",;:@])([^\s<>()\[\]{}",;:@])[^\s<>()\[\]{}",;:@]*+@'
)


def storable_detail(text: str | None) -> str | None:
    """A provider's own words as the history keeps them.

    Shortened, in characters that JSON and PostgreSQL can hold, and with addresses masked
    (`j***@example.com`): servers repeat the recipient, which has no place in histories.
    """
    return storable_text(_LOCAL_PART.sub(r"\1***@", text)[:_DETAIL_CHARACTERS]) if text else None


def storable_text(text: str | None) -> str | None:
    """Text that JSON and PostgreSQL can hold, whatever bytes a provider answered.

    Clients of text protocols decode foreign bytes to lone surrogates; an outcome that cannot be
    written would turn a send that has happened into one that seems never to have ended.
    """
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")

"""A place in a list as clients carry it to the next page: opaque, and safe in a URL."""

import base64
import binascii
import hashlib
import struct
from typing import Final
from uuid import UUID

from api_gateway.domain.notification_filter import Place
from contracts.envelope import ErrorDetail
from servicekit.errors import UnprocessableContentError

_VERSION: Final = 1
_PLACE: Final = struct.Struct(">B16sQQ")
_CHECK_BYTES: Final = 8
_MESSAGE: Final = (
    "This is no cursor of this list; take next_cursor as it was answered to the same caller and "
    "filters, or begin anew without a cursor."
)


def encode_cursor(place: Place, list_digest: bytes) -> str:
    """Write a place down.

    Args:
        place: Where the next page begins.
        list_digest: Of caller and filters; a cursor serves no other list.
    """
    packed = _PLACE.pack(_VERSION, place.after.bytes, place.passed, place.total)
    return _text(packed + _check(packed, list_digest))


def decode_cursor(cursor: str, list_digest: bytes) -> Place:
    """Read what `encode_cursor` wrote for the same list.

    It carries a check and no secret: what a caller may see is decided anew for each page.

    Raises:
        UnprocessableContentError: It is another list's, or nobody's.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    packed, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if (
        len(packed) != _PLACE.size
        or check != _check(packed, list_digest)
        # The last character has bits that say nothing; only one spelling is ours.
        or _text(raw) != cursor
    ):
        raise UnprocessableContentError(
            _MESSAGE, details=[ErrorDetail(field="cursor", code="cursor", message=_MESSAGE)]
        )
    _, after, passed, total = _PLACE.unpack(packed)
    return Place(UUID(bytes=after), passed, total)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _check(packed: bytes, list_digest: bytes) -> bytes:
    return hashlib.sha256(packed + list_digest).digest()[:_CHECK_BYTES]

"""The `Idempotency-Key` header: the same as `request_id`, for clients that send it as a header.

draft-ietf-httpapi-idempotency-key-header-07: the value is a quoted string; it is also taken bare,
as most clients send it.
"""

import re
from typing import Annotated, Final

from fastapi import Header

from contracts.envelope import ErrorDetail
from servicekit.errors import MalformedRequestError, UnprocessableContentError

HEADER: Final = "Idempotency-Key"
REQUEST_ID: Final = re.compile(r"[\x20-\x7e]{1,255}")

IdempotencyKeyHeader = Annotated[
    str | None,
    Header(
        alias=HEADER,
        description="The same as `request_id`, which may then be left out: 1 to 255 printable "
        "ASCII characters, in quotes or bare.",
    ),
]


def request_id_of(header: str | None, request_id: str | None) -> str | None:
    """The request id that a request gives, in its header, its body, or both.

    Raises:
        UnprocessableContentError: The header is not a key.
        MalformedRequestError: Header and body give different ones.
    """
    if header is None:
        return request_id
    key = header.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = re.sub(r"\\([\"\\])", r"\1", key[1:-1])  # RFC 8941 §3.3.3
    if not REQUEST_ID.fullmatch(key):
        msg = f"{HEADER} must be 1 to 255 printable ASCII characters."
        raise UnprocessableContentError(
            msg, details=[ErrorDetail(field=HEADER, code="invalid", message=msg)]
        )
    if request_id is not None and request_id != key:
        msg = f"The header {HEADER} and request_id are different; send one of them."
        raise MalformedRequestError(msg)
    return key

"""The `Idempotency-Key` header: the same as `request_id`, for clients that send it as a header.

draft-ietf-httpapi-idempotency-key-header-07: the value is a quoted string (RFC 8941 §3.3.3); it is
also taken bare, as most clients send it. What begins with a quote and is no such string is refused
rather than guessed at.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Header
from pydantic import WithJsonSchema

from contracts.envelope import ErrorDetail
from servicekit.errors import MalformedRequestError, UnprocessableContentError

HEADER: Final = "Idempotency-Key"
REQUEST_ID: Final = re.compile(r"[\x20-\x7e]{1,255}")
_QUOTED: Final = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\[\\"])*)"')

IdempotencyKeyHeader = Annotated[
    # A list, so that a second one is seen; there may be one.
    list[str] | None,
    WithJsonSchema({"type": "string", "minLength": 1}),
    Header(
        alias=HEADER,
        description="The same as `request_id`, which may then be left out: 1 to 255 printable "
        "ASCII characters, in quotes or bare.",
    ),
]


def request_id_of(headers: Sequence[str] | None, request_id: str | None) -> str | None:
    """The request id that a request gives, in its header, its body, or both.

    Args:
        headers: The values of all its `Idempotency-Key` headers.
        request_id: What its body says.

    Raises:
        UnprocessableContentError: The header is not a key.
        MalformedRequestError: Header and body give different ones, or there are several headers.
    """
    if not headers:
        return request_id
    if len(headers) > 1:
        msg = f"There are {len(headers)} headers {HEADER}; send one."
        raise MalformedRequestError(msg)
    key = _unquoted(headers[0].strip(" \t"))
    if key is None or not REQUEST_ID.fullmatch(key):
        msg = f"{HEADER} must be 1 to 255 printable ASCII characters, in quotes or bare."
        raise UnprocessableContentError(
            msg, details=[ErrorDetail(field=HEADER, code="idempotency_key", message=msg)]
        )
    if request_id is not None and request_id != key:
        msg = f"The header {HEADER} and request_id are different; send one of them."
        raise MalformedRequestError(msg)
    return key


def _unquoted(value: str) -> str | None:
    """The key that a header holds; None: it begins as a quoted string and is none."""
    if not value.startswith('"'):
        return value
    quoted = _QUOTED.fullmatch(value)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else None

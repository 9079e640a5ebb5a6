"""Text that ends up in a header or another single line."""

import re
from typing import Final

LINE_BREAKING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""C0 and C1 controls and Unicode's line and paragraph separators."""


def single_line(text: str) -> str:
    """Replace each control character by a space and trim.

    No value can then end a header line and begin another (RFC 5322 §2.2: a header field's body
    must not include CR and LF).
    """
    return LINE_BREAKING.sub(" ", text).strip()

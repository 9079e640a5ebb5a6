"""The name by which applications ask for a template."""

import re
from typing import Final

TEMPLATE_CODE: Final = r"^[a-z0-9][a-z0-9_.\-]{0,99}$"
"""At most 100 characters that need no escaping in an address, a Redis key or a file name."""

_PATTERN: Final = re.compile(TEMPLATE_CODE)


def is_template_code(value: str) -> bool:
    """Whether a template could have this code; any other cannot exist."""
    return _PATTERN.fullmatch(value) is not None

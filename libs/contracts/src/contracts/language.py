"""Language tags by BCP 47, in one spelling: `pt-br` and `PT-BR` are both `pt-BR`."""

import re
from typing import Final

MAX_LENGTH: Final = 35  # RFC 5646 §4.4.1 recommends to take at least this much

# RFC 5646 §2.1: language, script, region, variants, extensions, private use. Without the
# grandfathered tags, all of which have a modern form, and without tags of private use alone.
_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?)",
    re.IGNORECASE | re.ASCII,
)


def canonical_language(tag: str) -> str:
    """The tag in the usual spelling (RFC 5646 §2.1.1): `zh-Hant-TW`.

    Raises:
        ValueError: It is not a language tag.
    """
    match = _TAG.fullmatch(tag) if len(tag) <= MAX_LENGTH else None
    if match is None:
        msg = "must be a language tag (BCP 47) of at most 35 characters, such as en or pt-BR"
        raise ValueError(msg)
    parts = [match["language"].lower()]
    if match["script"]:
        parts.append(match["script"].title())
    if match["region"]:
        parts.append(match["region"].upper())
    return "-".join(parts) + match["rest"].lower()

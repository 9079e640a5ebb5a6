"""The forms in which one address may come back to us."""

import re
from typing import Final

import idna

_XTEXT: Final = re.compile(r"\+([0-9A-F]{2})")  # RFC 3461 §4
_UNICODE: Final = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")  # RFC 6533 §3
_LONGEST: Final = 1_000


def forms_of(address: str) -> list[str]:
    """The address as it stands, with its escapes resolved, and with its domain in Unicode.

    References are sealed for the address as its user wrote it, and servers speak of it as we
    handed it over.

    Args:
        address: From a report; perhaps in angle brackets, perhaps no address at all.
    """
    plain = address.strip().removeprefix("<").removesuffix(">")
    if len(plain) > _LONGEST or "@" not in plain:
        return []
    unescaped = _UNICODE.sub(_character, _XTEXT.sub(_character, plain))
    forms = [plain, unescaped]
    for form in (plain, unescaped):
        local_part, _, domain = form.rpartition("@")
        try:
            forms.append(f"{local_part}@{idna.decode(domain)}")
        except UnicodeError:
            continue
    return list(dict.fromkeys(forms))


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    # A surrogate or a number beyond Unicode is no character; it stays as it is
    return chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else found[0]

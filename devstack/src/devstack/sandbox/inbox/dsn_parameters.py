"""The parameters of MAIL and RCPT by which a client asks for delivery status (RFC 3461 §4).

aiosmtpd knows none of them and answers 555, so they are taken out of a command before it sees it.
"""

import re
from typing import Final

_XTEXT: Final = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+"
_ENCODED: Final = re.compile(r"\+([0-9A-F]{2})")

MAIL_PARAMETERS: Final = {
    "RET": re.compile("FULL|HDRS", re.IGNORECASE),
    "ENVID": re.compile(rf"(?=.{{1,100}}\Z){_XTEXT}"),
}
RCPT_PARAMETERS: Final = {
    "NOTIFY": re.compile(
        "NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE
    ),
    "ORCPT": re.compile(rf"(?=.{{1,500}}\Z)[A-Za-z0-9-]+;{_XTEXT}"),
}


class DsnSyntaxError(ValueError):
    """A parameter is there twice, or is not what RFC 3461 allows; the message names it."""


def take_parameters(
    argument: str, allowed: dict[str, re.Pattern[str]]
) -> tuple[str, dict[str, str]]:
    """Split a command's argument into what aiosmtpd may see and the parameters by lower-case name.

    Raises:
        DsnSyntaxError: One of the parameters cannot be accepted.
    """
    kept: list[str] = []
    found: dict[str, str] = {}
    for word in argument.split(" "):
        name, equals, value = word.partition("=")
        pattern = allowed.get(name.upper()) if equals else None
        if pattern is None:
            kept.append(word)
            continue
        if name.lower() in found or not pattern.fullmatch(value):
            raise DsnSyntaxError(name.upper())
        found[name.lower()] = _ENCODED.sub(lambda code: chr(int(code[1], 16)), value)
    return " ".join(kept), found

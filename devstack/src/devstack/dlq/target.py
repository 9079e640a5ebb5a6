"""Which gateway is meant, and with which key: the environment says so, or the stack that runs here.

Both come from the same place, so that the key of one system is never shown to another.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from devstack.errors import DevstackError

_URL: Final = "GATEWAY_URL"
_KEY: Final = "API_KEY"
_HOW: Final = "Start `make run`, or set GATEWAY_URL and API_KEY (a key with the scope admin)."


@dataclass(frozen=True)
class Target:
    """Where to call, without a trailing slash, and with which key."""

    url: str
    api_key: str = field(repr=False)


def find_target(environment: Mapping[str, str], run_env: Path) -> Target:
    """Look into the environment, else into the file that `make run` writes.

    Raises:
        DevstackError: Nothing is set, only a half of it, or it cannot be right.
    """
    values, place = environment, "the environment"
    if not environment.get(_URL) and not environment.get(_KEY):
        values, place = _read(run_env), str(run_env)
    missing = [name for name in (_URL, _KEY) if not values.get(name)]
    if len(missing) > 1:
        raise DevstackError(f"It is not known which gateway is meant. {_HOW}")
    if missing:
        raise DevstackError(f"{missing[0]} is not set in {place}, and its other half is. {_HOW}")
    return Target(_checked_url(values[_URL]), _checked_key(values[_KEY]))


def _read(run_env: Path) -> dict[str, str]:
    if not run_env.exists():
        return {}
    words = shlex.split(run_env.read_text())
    return dict(word.split("=", 1) for word in words if "=" in word)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise DevstackError(
            f"{_URL} is {url!r}, which is no address; write it like http://127.0.0.1:8000."
        )
    return url.rstrip("/")


def _checked_key(key: str) -> str:
    if not (key.isascii() and key.isprintable()):
        raise DevstackError(f"{_KEY} holds characters that no key has; copy it again.")
    return key

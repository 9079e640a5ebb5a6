"""Installs the servers that are missing, in the way the system at hand offers."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from devstack.binaries import Binaries, find_binaries
from devstack.errors import MissingProgramError

_SCRIPT = Path(__file__).with_name("install_debian.sh")
_DEBIAN = ("postgresql", "redis-server", "rabbitmq-server")
_HOMEBREW = ("postgresql@17", "redis", "rabbitmq")
_OR_DOCKER = "or use `make up`, which runs everything in containers by docker compose"


def ensure_installed(log: Path, say: Callable[[str], None]) -> Binaries:
    """Return where the servers are, after installing what is missing; `log` takes the output.

    Says what it does before it does it. Raises MissingProgramError with what to do by hand.
    """
    found = find_binaries()
    if not found.missing:
        return found
    command = choose_installer(found, shutil.which, os.geteuid(), sys.platform)
    if command is None:
        raise MissingProgramError(f"Install {_list(found.missing)}, {_OR_DOCKER}.")
    say(f"Installing {_list(found.missing)}; this takes a minute or two (log: {log}).")
    with log.open("wb") as output:
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    found = find_binaries()
    if found.missing and code.returncode != 0:
        complaint = pick_complaint(log.read_text(errors="replace"))
        raise MissingProgramError(
            f"Installing failed: {complaint}; install {_list(found.missing)} by hand, "
            f"{_OR_DOCKER} (the log is {log})."
        )
    if found.missing:
        raise MissingProgramError(
            f"This system's packages have no {_list(found.missing)}; install it from its "
            f"makers' packages, {_OR_DOCKER}."
        )
    return found


def pick_complaint(output: str) -> str:
    """Return the last complaint of apt, brew or sudo in `output`, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if re.match(r"(E|Error|sudo): ", line)]
    return (complaints[-1:] or lines[-1:] or ["no output"])[0].rstrip(".")


def choose_installer(
    found: Binaries, which: Callable[[str], str | None], uid: int, platform: str
) -> list[str] | None:
    """Return the command that installs what `found` lacks, or None when there is no way."""
    if platform == "linux" and which("apt-get"):
        elevation = [] if uid == 0 else ["sudo"]
        if elevation and not which("sudo"):
            return None
        return [*elevation, "sh", str(_SCRIPT), *_packages(found, _DEBIAN)]
    if platform == "darwin" and which("brew"):
        # brew starts nothing by itself: that is `brew services`.
        return ["brew", "install", *_packages(found, _HOMEBREW)]
    return None


def _packages(found: Binaries, names: tuple[str, str, str]) -> list[str]:
    paths = (found.postgres, found.redis, found.rabbitmq and found.epmd)
    return [package for package, path in zip(names, paths, strict=True) if path is None]


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]

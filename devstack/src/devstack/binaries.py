"""Finds the servers that are installed, wherever Debian, Ubuntu or Homebrew put them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

POSTGRES_FROM = 15
REDIS_FROM = 7
RABBITMQ_FROM = (3, 10)
_BREW = (Path("/opt/homebrew"), Path("/usr/local"), Path("/home/linuxbrew/.linuxbrew"))


@dataclass(frozen=True)
class Binaries:
    """Where each server's programs are; None where it is not installed or too old."""

    postgres: Path | None
    redis: Path | None
    rabbitmq: Path | None
    epmd: Path | None

    @property
    def missing(self) -> tuple[str, ...]:
        """What has to be installed, in words for the operator."""
        wanted = {
            f"PostgreSQL {POSTGRES_FROM} or newer": self.postgres,
            f"Redis {REDIS_FROM} or newer": self.redis,
            "RabbitMQ {}.{} or newer".format(*RABBITMQ_FROM): self.rabbitmq and self.epmd,
        }
        return tuple(name for name, found in wanted.items() if found is None)


def find_binaries() -> Binaries:
    """Look for the three servers; it runs their `--version` and changes nothing."""
    return Binaries(
        postgres=_find_postgres(), redis=_find_redis(), rabbitmq=_find_rabbitmq(), epmd=_find_epmd()
    )


def parse_version(text: str) -> tuple[int, ...]:
    """Return the first dotted number of `text` after a space, `=`, `-` or `/`; () without one.

    Examples: "postgres (PostgreSQL) 15.13 (Debian …)", "Redis server v=7.0.15 sha=…",
    "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin".
    """
    match = re.search(r"[ =/-](\d+(?:\.\d+)+)", text)
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def _find_postgres() -> Path | None:
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *_pg_config_folder()]
    folders += [f for prefix in _BREW for f in prefix.glob("opt/postgresql*/bin")]
    folders += [Path(found).parent for found in [_which("postgres")] if found]
    usable = [
        (version, folder)
        for folder in folders
        if (folder / "initdb").exists()
        and (version := parse_version(_ask_version(folder / "postgres"))) >= (POSTGRES_FROM,)
    ]
    # Of equal versions the first: the distribution's own folder before links to it.
    return max(usable, key=lambda found: found[0])[1] if usable else None


def _pg_config_folder() -> Iterable[Path]:
    program = _which("pg_config")
    if program:
        answer = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


def _find_redis() -> Path | None:
    program = _which("redis-server")
    if program and parse_version(_ask_version(Path(program))) >= (REDIS_FROM,):
        return Path(program)
    return None


def _find_rabbitmq() -> Path | None:
    # Debian's /usr/sbin/rabbitmq-server is a wrapper that changes the user: not that one.
    folders = [Path("/usr/lib/rabbitmq/bin")]
    folders += [prefix / "opt/rabbitmq/sbin" for prefix in _BREW]
    for folder in folders:
        server = folder / "rabbitmq-server"
        # Asking the broker itself for its version takes seconds; its folder's name tells.
        if server.exists() and parse_version(str(server.resolve())) >= RABBITMQ_FROM:
            return folder
    return None


def _find_epmd() -> Path | None:
    program = _which("epmd")
    return Path(program) if program else None


def _which(name: str) -> str | None:
    # An ordinary user's PATH on Debian lacks the sbin folders.
    more = ["/usr/local/sbin", "/usr/sbin", *(str(prefix / "bin") for prefix in _BREW)]
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *more]))


def _ask_version(program: Path) -> str:
    if not program.exists():
        return ""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return answer.stdout

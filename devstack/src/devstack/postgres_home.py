"""Where PostgreSQL keeps its data: inside our home, or, as root, in a folder that its own account
can reach. PostgreSQL refuses to run as root, and the checkout may lie where only root can enter.
"""

import json
import os
import pwd
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevstackError
from devstack.passwords import write_private
from devstack.process_table import read_processes
from devstack.processes import Account

# Not /var/tmp: systemd-tmpfiles removes what was not touched there for 30 days.
OUTSIDE = Path("/var/lib")
_PREFIX = "notification-devstack-"
_MARKER = "home.json"
_ID = "outside-id"


@dataclass(frozen=True)
class PostgresHome:
    """`folder` belongs to `account`, or to ourselves where that is None."""

    folder: Path
    account: Account | None


def place_postgres(home: Path, outside: Path = OUTSIDE) -> PostgresHome:
    """Make or find the folder of the PostgreSQL that belongs to `home`.

    Raises DevstackError as root when the machine has no account for PostgreSQL.
    """
    if os.geteuid() != 0:
        folder = home / "postgres"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return PostgresHome(folder, None)
    account = _find_account()
    parent = _keep_outside_folder(home, outside)
    folder = parent / "postgres"
    if not folder.exists():
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    return PostgresHome(folder, account)


def remove_outside_folder(home: Path, outside: Path = OUTSIDE) -> None:
    """Remove the folder that `place_postgres` made outside of `home`, if it made one."""
    known = home / _ID
    if known.exists():
        folder = outside / (_PREFIX + known.read_text().strip())
        if _read_marker(folder) is not None:
            shutil.rmtree(folder)
        known.unlink()


def prune_orphans(outside: Path = OUTSIDE) -> list[Path]:
    """Remove the folders whose home is gone or has another id and whose server is dead.

    Only folders that the current user owns and that bear our marker are looked at. Returns what
    was removed.
    """
    removed = []
    for folder in sorted(outside.glob(f"{_PREFIX}*")):
        home = _read_marker(folder)
        if home is None or _lives_in(folder, home) or _has_server(folder / "postgres" / "data"):
            continue
        shutil.rmtree(folder)
        removed.append(folder)
    return removed


def _find_account() -> Account:
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise DevstackError(
            "PostgreSQL refuses to run as root and this machine has no account named postgres; "
            "create one (useradd --system postgres) or run as an ordinary user."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _keep_outside_folder(home: Path, outside: Path) -> Path:
    known = home / _ID
    if known.exists():
        folder = outside / (_PREFIX + known.read_text().strip())
        if _read_marker(folder) == home:
            return folder
    identifier = secrets.token_hex(8)
    folder = outside / (_PREFIX + identifier)
    folder.mkdir()  # fails where somebody else made it: nobody can prepare it for us
    folder.chmod(0o711)  # the account below has to pass, nobody has to look
    write_private(folder / _MARKER, json.dumps({"home": str(home)}))
    write_private(known, identifier + "\n")
    return folder


def _read_marker(folder: Path) -> Path | None:
    marker = folder / _MARKER
    if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != os.geteuid():
        return None
    return Path(json.loads(marker.read_text())["home"]) if marker.exists() else None


def _lives_in(folder: Path, home: Path) -> bool:
    known = home / _ID
    return known.exists() and folder.name == _PREFIX + known.read_text().strip()


def _has_server(data: Path) -> bool:
    lock = data / "postmaster.pid"
    if not lock.exists():
        return False
    first = re.match(r"\d+", lock.read_text())
    return first is not None and int(first.group()) in read_processes()

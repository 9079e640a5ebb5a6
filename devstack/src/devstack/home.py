"""The folder that holds one private stack, and the lock that keeps a second devstack out of it."""

import fcntl
import os
from pathlib import Path
from typing import IO

from devstack.errors import HomeInUseError


class Home:
    """A folder for our eyes only; the lock ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock: IO[str] | None = None

    def lock(self) -> None:
        """Make the folder and take it; raises HomeInUseError when somebody else has it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (self.path / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise HomeInUseError(
                f"The servers in {self.path} are in use by process {owner}; "
                "end that one first (Ctrl-C in its terminal)."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._lock = file

    def unlock(self) -> None:
        """Let the folder go; do nothing when it is not ours."""
        if self._lock:
            self._lock.close()
            self._lock = None

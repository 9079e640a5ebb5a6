"""Generated secrets that outlive a run: each is a file of its own, readable by its owner only."""

import os
import secrets
from pathlib import Path

_BYTES = 16


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` atomically, with mode 0600 from its first moment."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def keep_password(path: Path) -> str:
    """Return the password kept at `path`, made of 32 hex digits at the first call."""
    if not path.exists():
        write_private(path, secrets.token_hex(_BYTES) + "\n")
    return path.read_text().strip()

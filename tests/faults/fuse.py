"""A file that decides when a process dies at its named step."""

import asyncio
import time
from pathlib import Path
from typing import Final

_DEATH_SECONDS: Final = 10.0


class Fuse:
    """While the file is there, the next process that comes by dies, and takes it away."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def light(self) -> None:
        self.path.touch()

    async def burnt(self) -> None:
        """Wait until a process died of it."""
        deadline = time.monotonic() + _DEATH_SECONDS
        while self.path.exists():
            assert time.monotonic() < deadline, "no process came by the step"
            await asyncio.sleep(0.05)

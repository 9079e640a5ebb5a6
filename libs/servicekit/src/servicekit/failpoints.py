"""Named steps at which a process can be told to die, so that tests can prove what a crash leaves.

The process kills itself as a power cut would: nothing is closed, nothing flushed.
"""

import os
import signal
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

PointT = TypeVar("PointT", bound=StrEnum)


def kill_this_process() -> None:
    """End at once, as by a power cut."""
    os.kill(os.getpid(), signal.SIGKILL)


class Failpoints(Generic[PointT]):
    """Dies at one of them, or at none.

    Args:
        armed: Where to die.
        once: With a file, only who can remove it dies: one process, one time.
        die: How.
    """

    def __init__(
        self,
        armed: PointT | None = None,
        once: Path | None = None,
        *,
        die: Callable[[], None] = kill_this_process,
    ) -> None:
        self._armed = armed
        self._once = once
        self._die = die

    def reach(self, point: PointT) -> None:
        """Pass this step, or do not."""
        if point is self._armed and self._is_due():
            self._die()

    def _is_due(self) -> bool:
        if self._once is None:
            return True
        try:
            self._once.unlink()
        except FileNotFoundError:
            return False
        return True

"""How a count grew over time, and the rates that can be read from it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from benchmarks.errors import BenchmarkError

_SAMPLE_SECONDS: Final = 0.05
_STALLED_SECONDS: Final = 30.0


@dataclass
class Progress:
    """Samples of a count that only grows: seconds and count."""

    samples: list[tuple[float, int]] = field(default_factory=list)

    def rate_between(self, first: float, last: float) -> float:
        """Per second, between two shares of the final count (0 to 1)."""
        total = self.samples[-1][1]
        begin, end = self._reached(total * first), self._reached(total * last)
        return total * (last - first) / (end - begin)

    def steady_rate(self) -> float:
        """Per second, without the beginning and the end."""
        return self.rate_between(0.1, 0.9)

    def _reached(self, count: float) -> float:
        """When the count was reached, between samples in proportion."""
        (time_before, before), *following = self.samples
        for time_after, after in following:
            if after >= count > before or (after > before >= count):
                share = max(0.0, count - before) / (after - before)
                return time_before + share * (time_after - time_before)
            time_before, before = time_after, after
        return time_before


async def watch(
    count: Callable[[], int], target: int, each_sample: Callable[[int], None] | None = None
) -> Progress:
    """Sample a count until it reaches its target.

    Args:
        count: The count now.
        target: Where it ends.
        each_sample: Told the count at each sample.

    Raises:
        BenchmarkError: It stood still for half a minute.
    """
    progress = Progress()
    changed = time.monotonic()
    while True:
        now, reached = time.monotonic(), count()
        if not progress.samples or reached > progress.samples[-1][1]:
            changed = now
        progress.samples.append((now, reached))
        if each_sample is not None:
            each_sample(reached)
        if reached >= target:
            return progress
        if now - changed > _STALLED_SECONDS:
            raise BenchmarkError(f"Nothing moved for 30 s, at {reached} of {target}.")
        await asyncio.sleep(_SAMPLE_SECONDS)

"""A worker with a deep backlog: its memory, and whether it ends as fast as it began."""

from dataclasses import dataclass
from typing import Final

from benchmarks.email_system import EmailSystem, resident_megabytes
from benchmarks.mail_rate import CONNECTIONS, check_outcomes
from benchmarks.progress import Progress, watch

_WARM_SHARE: Final = 0.01
"""After this share of the backlog everything is loaded, connected and compiled."""


@dataclass(frozen=True)
class BacklogResult:
    """What was seen; memory is of the worker's process, in MB."""

    progress: Progress
    warm_megabytes: float
    peak_megabytes: float

    @property
    def growth_megabytes(self) -> float:
        """How far memory rose above what the warm worker took."""
        return self.peak_megabytes - self.warm_megabytes

    @property
    def last_by_first_tenth(self) -> float:
        """The rate of the last tenth by that of the first, once warm."""
        first = self.progress.rate_between(_WARM_SHARE, 0.1)
        return self.progress.rate_between(0.9, 1.0) / first


async def drain_backlog(system: EmailSystem, count: int) -> BacklogResult:
    """Let one worker empty a lane that holds so many deliveries.

    Raises:
        BenchmarkError: Nothing moved, or not each delivery was reported once.
    """
    await system.lane.empty()
    await system.lane.fill(count)
    warm: float | None = None
    peak = 0.0
    settings = {"CONCURRENCY": str(CONNECTIONS)}
    async with system.sink() as sink, system.workers(sink, settings=settings) as (pid,):

        def weigh(accepted: int) -> None:
            nonlocal warm, peak
            if accepted >= count * _WARM_SHARE:
                megabytes = resident_megabytes(pid)
                warm = megabytes if warm is None else warm
                peak = max(peak, megabytes)

        progress = await watch(sink.accepted, count, weigh)
        await check_outcomes(system, count)
    assert warm is not None
    return BacklogResult(progress, warm, peak)

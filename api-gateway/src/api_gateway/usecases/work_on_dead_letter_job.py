"""Work off a part of a job over dead letters; any number of relays may do so at the same time."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from api_gateway.domain.dead_letter import DeadLetterJob
from api_gateway.usecases.dead_letter_ports import DeadLetterJobs

LETTERS_AT_ONCE: Final = 100


class WorkOnDeadLetterJob:
    """Takes the job that has waited longest one step further.

    A step that fails leaves its job leased for half a minute, so that the others go on meanwhile.

    Args:
        jobs: The jobs.
        now: The time, in UTC.
    """

    def __init__(self, jobs: DeadLetterJobs, now: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._now = now

    async def __call__(self, limit: int = LETTERS_AT_ONCE) -> DeadLetterJob | None:
        """Close up to `limit` letters of one job.

        Returns:
            The job with its progress, `state` completed when that was the last of it; None:
            there is nothing to do now.

        Raises:
            UnavailableError: The database is away; nothing was done, as far as can be known.
        """
        while (job_id := await self._jobs.lease()) is not None:
            job = await self._jobs.work_off(job_id, limit, self._now())
            if job is not None:
                return job
        return None

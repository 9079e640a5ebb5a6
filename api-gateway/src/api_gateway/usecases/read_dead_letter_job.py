"""Read how far jobs over dead letters have come, for administrators."""

from api_gateway.domain.dead_letter import DeadLetterJob, parse_id
from api_gateway.usecases.dead_letter_ports import DeadLetterJobs
from servicekit.errors import NotFoundError


class ReadDeadLetterJob:
    """Reads jobs."""

    def __init__(self, jobs: DeadLetterJobs) -> None:
        self._jobs = jobs

    async def one(self, public_id: str) -> DeadLetterJob:
        """One job.

        Raises:
            NotFoundError: There is no such job.
        """
        job_id = parse_id(public_id)
        found = await self._jobs.find(job_id) if job_id else None
        if found is None:
            msg = f"There is no dead letter job {public_id}."
            raise NotFoundError(msg)
        return found

    async def page(self, *, offset: int, limit: int) -> tuple[list[DeadLetterJob], int]:
        """Jobs, newest first; and how many there are, exact up to 10,000."""
        return await self._jobs.page(offset=offset, limit=limit)

"""What the use cases of dead letters need of the outside world; `adapters/` fills these roles."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from api_gateway.domain.close_letter import Refused
from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetter,
    DeadLetterJob,
    ExaminedLetter,
    LetterFilter,
    LetterState,
    Selection,
    SelectionCount,
)


class DeadLetters(Protocol):
    """The dead letters, and deciding about one of them. Every call may find the database away.

    Raises:
        DatabaseUnavailableError: Nothing was done, as far as can be known.
    """

    async def page(
        self, wanted: LetterFilter, state: LetterState | None, *, offset: int, limit: int
    ) -> tuple[list[DeadLetter], int]:
        """Letters, those received last first; and how many there are, exact up to 10,000."""
        ...

    async def find(self, letter_id: UUID) -> ExaminedLetter | None:
        """One letter with its message and the history of its delivery."""
        ...

    async def close(
        self, letter_id: UUID, action: ClosingAction, *, closed_by: str, now: datetime
    ) -> DeadLetter | Refused | None:
        """Replay or discard one letter, in one transaction with all that follows from it.

        Returns:
            The letter as it is afterwards, also where the same was done earlier; why it cannot
            be done; or None: there is no such letter.
        """
        ...

    async def count(self, selection: Selection) -> SelectionCount:
        """How many open letters a selection holds."""
        ...

    async def missing(self, ids: Collection[UUID]) -> set[UUID]:
        """Those ids that no letter has, open or closed."""
        ...


class DeadLetterJobs(Protocol):
    """The jobs. Every call may find the database away, as above."""

    async def add(
        self, job_id: UUID, action: ClosingAction, selection: Selection, *, requested_by: str
    ) -> DeadLetterJob:
        """Store a job for the open letters of a selection; completed at once where there are none.

        It is for letters received before this moment.
        """
        ...

    async def find(self, job_id: UUID) -> DeadLetterJob | None:
        """One job."""
        ...

    async def page(self, *, offset: int, limit: int) -> tuple[list[DeadLetterJob], int]:
        """Jobs, newest first; and how many there are, exact up to 10,000."""
        ...

    async def lease(self) -> UUID | None:
        """Take a running job that nobody works on, and keep others away for half a minute.

        Returns:
            Its id; None: there is nothing to do now.
        """
        ...

    async def work_off(self, job_id: UUID, limit: int, now: datetime) -> DeadLetterJob | None:
        """Close the next letters of a leased job in one transaction, and free the job again.

        Each letter is closed once, however many work on the job.

        Args:
            job_id: The job.
            limit: How many letters at most.
            now: When.

        Returns:
            The job as it is afterwards; None: it was completed by another meanwhile.
        """
        ...

"""Replay or discard many dead letters: first count them, then leave them to the relays."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetterJob,
    Selection,
    SelectionCount,
)
from api_gateway.usecases.dead_letter_ports import DeadLetterJobs, DeadLetters
from servicekit.errors import NotFoundError

_NAMED: Final = 3  # as many as a sentence can take


class StartDeadLetterJob:
    """Starts jobs.

    Args:
        letters: Counts them.
        jobs: Where jobs are stored for the relays.
        new_id: A fresh UUIDv7.
    """

    def __init__(
        self, letters: DeadLetters, jobs: DeadLetterJobs, new_id: Callable[[], UUID]
    ) -> None:
        self._letters = letters
        self._jobs = jobs
        self._new_id = new_id

    async def __call__(
        self, action: ClosingAction, selection: Selection, *, requested_by: str
    ) -> DeadLetterJob:
        """Start a job for the open letters of a selection.

        Raises:
            NotFoundError: Some of the ids are no letter's.
        """
        await self._refuse_unknown(selection)
        return await self._jobs.add(self._new_id(), action, selection, requested_by=requested_by)

    async def count(self, selection: Selection) -> SelectionCount:
        """What a job would be for; does nothing.

        Raises:
            NotFoundError: Some of the ids are no letter's.
        """
        await self._refuse_unknown(selection)
        return await self._letters.count(selection)

    async def _refuse_unknown(self, selection: Selection) -> None:
        if selection.ids is None:
            return
        missing = sorted(await self._letters.missing(selection.ids))
        if missing:
            named = ", ".join(str(letter_id) for letter_id in missing[:_NAMED])
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            msg = f"There is no dead letter {named}{more}; nothing was done."
            raise NotFoundError(msg)
